package manifest

import "github.com/viaduct-sdn/viaduct/internal/message"

// The errors of manifests.
var (
	msgManifestNotUTF8 = message.Define("manifest-not-utf8",
		"this is not UTF-8 text",
		"save the file as UTF-8",
		"Manifests are UTF-8 text.")
	msgManifestTab = message.Define("manifest-tab",
		"a tab is used to indent",
		"use spaces, since YAML accepts nothing else",
		"YAML does not allow tabs in the indentation.")
	msgManifestControlCharacter = message.Define("manifest-control-character",
		"control character {character}",
		"remove it",
		"Manifests consist of printable text.")
	msgObjectRepeated = message.Define("object-repeated",
		"{kind} {id} is declared twice, first at {position}",
		"leave one of them out",
		"Two manifests, or two parts of one, declare the same object.")
	msgObjectExpected = message.Define("object-expected",
		`expected an object, that is lines of "property: value", got {got}`,
		"",
		"A document holds one object, or a list of objects.")
	msgObjectWithoutID = message.Define("object-without-id",
		"{kind} without id:",
		`add a line "id: ..."`,
		"Every object has an ID.")
	msgKindMisspelled = message.Define("kind-misspelled",
		`unknown property "{property}"`,
		"did you mean kind?",
		"The property is almost spelled like kind, which every object needs.")
	msgObjectWithoutKind = message.Define("object-without-kind",
		"object without kind:",
		`add a line "kind: ..." with one of {kinds}`,
		"The kind determines the properties of an object.")
	msgKindUnknown = message.Define("kind-unknown",
		"unknown kind {kind}",
		"{hint}",
		"There is no kind of this name.")
	msgPropertyRepeated = message.Define("property-repeated",
		`property "{property}" is given twice, first on line {line}`,
		"leave one of them out",
		"A map in YAML has each key once.")
	msgPropertyMisspelled = message.Define("property-misspelled",
		`unknown property "{property}" of a {kind}`,
		"did you mean {proposal}?",
		"The object has no property of this name, but a similar one.")
	msgPropertyUnknown = message.Define("property-unknown",
		`unknown property "{property}" of a {kind}`,
		"it has {properties}",
		"The object has no property of this name.")
	msgPropertyWithoutValue = message.Define("property-without-value",
		"{property} has no value",
		"give one, or leave the line out",
		"The line names a property and nothing else.")
	msgPropertyTypeDiffers = message.Define("property-type-differs",
		"{property}: expected {type}, got {got}",
		"",
		"The value has another form than the property.")
	msgPropertyValueInvalid = message.Define("property-value-invalid",
		"{property}: {error}",
		"",
		"The value cannot be read.")
	msgPropertyListExpected = message.Define("property-list-expected",
		"{property}: expected a {type}, got {got}",
		"",
		"The property is a list.")
	msgPropertyReadOnly = message.Define("property-read-only",
		"{property}: cannot be set",
		"",
		"The property cannot be set in a manifest.")
	msgPropertyItemExpected = message.Define("property-item-expected",
		`{property}: expected the properties of one {item}, got "{got}"`,
		"",
		"One item of a list is written in one text.")
	msgPropertyMapExpected = message.Define("property-map-expected",
		"{property}: expected the properties of a {item}, got {got}",
		"",
		"The items of the list have properties.")
	msgManifestTooLarge = message.Define("manifest-too-large",
		"this document is larger than {size} KiB",
		"split it",
		"The size of a document is bounded.")
	msgManifestYAMLUnreadable = message.Define("manifest-yaml-unreadable",
		"cannot be read as YAML ({error})",
		"check the document's indentation and quotes",
		"The parser of YAML failed.")
	msgManifestTwoValues = message.Define("manifest-two-values",
		"more than one value in a document",
		"separate them by a line with ---",
		"A document holds one object, or a list of objects.")
	msgManifestYAMLUnsupported = message.Define("manifest-yaml-unsupported",
		"{error}",
		"",
		"Manifests use a subset of YAML.")
	msgManifestYAMLInvalid = message.Define("manifest-yaml-invalid",
		"{error}",
		"",
		"The document is no YAML.")
	msgManifestTooDeep = message.Define("manifest-too-deep",
		"nested deeper than {max} levels",
		"no object needs that",
		"The nesting of values is bounded.")
	msgManifestYAMLSyntax = message.Define("manifest-yaml-syntax",
		"{error}",
		"check indentation, quotes and brackets around here",
		"The document is no YAML.")
	msgManifestYAMLNotParsed = message.Define("manifest-yaml-not-parsed",
		"cannot be read as YAML: {error}",
		"",
		"The document is no YAML.")
	msgManifestValueUnsupported = message.Define("manifest-value-unsupported",
		"this is not supported in a manifest ({type})",
		"",
		"Manifests use a subset of YAML.")
)
