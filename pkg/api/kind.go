package api

// KindInfo describes a kind of object and its properties, for programs that show or edit
// objects of all kinds without knowing each, as forms do.
type KindInfo struct {
	// Kind is the name in the singular, as in a manifest; Plural is that in paths.
	Kind   Kind   `json:"kind"`
	Plural string `json:"plural"`
	// Doc describes an object of the kind in one sentence.
	Doc string `json:"doc"`
	// Live is true if edits take effect at once instead of with the next apply.
	Live bool `json:"live,omitempty"`
	// TypeProperty is the property that selects which others apply; empty if all do.
	TypeProperty string `json:"typeProperty,omitempty"`
	// Example is a manifest of one object.
	Example     string           `json:"example,omitempty"`
	Permissions []KindPermission `json:"permissions"`
	Properties  []PropertyInfo   `json:"properties"`
}

// KindPermission is a requirement to read or write an object: any of some privileges on a
// path.
type KindPermission struct {
	// Path has names of properties in braces, and {zone} for the zone of a VNet. Where
	// the value is empty the privilege is required on the parent path.
	Path  string   `json:"path"`
	Read  []string `json:"read"`
	Write []string `json:"write"`
	// For names the objects that the permission is restricted to; empty for all others.
	For string `json:"for,omitempty"`
}

// PropertyInfo describes a property of a kind, or of the items of a list.
type PropertyInfo struct {
	Name string `json:"name"`
	// Type is "text", "whole number", "boolean", "IP address", "network", "list of names",
	// "list of IP addresses", or the name of a list of structures with Items.
	Type string `json:"type"`
	Doc  string `json:"doc"`
	// Required is true if every object must have the property.
	Required bool `json:"required,omitempty"`
	// Types are the object types to which the property applies; empty for all.
	Types []string `json:"types,omitempty"`
	// Min and Max are the bounds of a number, in Unit; Max is 0 without bounds.
	Min  int    `json:"min,omitempty"`
	Max  int    `json:"max,omitempty"`
	Unit string `json:"unit,omitempty"`
	// Values are the permitted values.
	Values []string `json:"values,omitempty"`
	// Pattern is a regular expression for the text; MaxLength bounds it in characters,
	// MaxItems a list.
	Pattern   string `json:"pattern,omitempty"`
	MaxLength int    `json:"maxLength,omitempty"`
	MaxItems  int    `json:"maxItems,omitempty"`
	// Ref is the kind of the object with this ID, or with each ID in a list.
	Ref Kind `json:"ref,omitempty"`
	// Secret texts are returned only to users who may write the object.
	Secret bool `json:"secret,omitempty"`
	// Items are the properties of an item of a list, Item is the name of one, and Key
	// the property that identifies items; empty if only their position does.
	Items []PropertyInfo `json:"items,omitempty"`
	Item  string         `json:"item,omitempty"`
	Key   string         `json:"key,omitempty"`
}

// MessageInfo explains a message.
type MessageInfo struct {
	// Code is stable over releases: "vlan-tag-used".
	Code string `json:"code"`
	// Text and Remedy are what is printed, with names of arguments in braces.
	Text   string `json:"text"`
	Remedy string `json:"remedy,omitempty"`
	// Explanation is what it means.
	Explanation string `json:"explanation"`
}
