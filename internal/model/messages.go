package model

import "github.com/viaduct-sdn/viaduct/internal/message"

// The messages about properties in general, references, names and nodes.
var (
	msgPropertyOutOfRange = message.Define("property-out-of-range",
		"is out of range:",
		"use {bounds}",
		"The number is outside the range of the property, which the reference of the kind lists.")
	msgPropertyValueUnknown = message.Define("property-value-unknown",
		"is not {noun}:",
		"use {bounds}",
		"The value is not one that the property accepts; the reference of the kind lists them.")
	msgPropertyRequired = message.Define("property-required",
		"is missing:",
		"use {values}",
		"A property that every object of the kind needs has no value.")
	msgPropertyNotForType = message.Define("property-not-for-type",
		"is not an option of {type} {kind}, only of {types}",
		"remove it, or change the {property}",
		"The property exists, but not for objects of this type.")
	msgReferenceMissing = message.Define("reference-missing",
		"does not exist: {kind} {id} is used by {user-kind} {user}",
		"{hint}",
		"A property names an object that does not exist, or that the edit deletes while it is in use.")
	msgLiveReferenceMissing = message.Define("live-reference-missing",
		"does not exist",
		"{hint}",
		"A property names an external system that does not exist. Such objects take effect at once, so they must exist first.")
	msgLiveReferenceInUse = message.Define("live-reference-in-use",
		"is the {property} of {kind} {id}",
		"give it another one first, and apply that",
		"The object cannot be deleted while the running or the pending configuration refers to it.")
	msgObjectInUse = message.Define("object-in-use",
		"is used by {kind} {id}",
		"remove it there first",
		"The object cannot be deleted while another one refers to it.")
	msgIPAMBuiltinDelete = message.Define("ipam-builtin-delete",
		"is built in and cannot be deleted",
		"",
		"The built-in address management always exists.")
	msgHostNameInvalid = message.Define("host-name-invalid",
		"is not a host name:",
		"use up to 63 letters, digits and hyphens",
		"The name cannot be that of a host (RFC 1123).")
	msgNodeNameInvalid = message.Define("node-name-invalid",
		"is not a host name:",
		"use up to 63 letters, digits and hyphens, with a letter or digit at both ends",
		"A node has the name under which its host joined, which is a host name (RFC 1123).")
	msgInterfaceNameInvalid = message.Define("interface-name-invalid",
		"is not the name of an interface: up to 15 letters, digits, dots, hyphens and underscores",
		"",
		"The kernel and the programs that configure networks accept no such interface name.")
	msgAddressWithInterface = message.Define("address-with-interface",
		"names an interface",
		"give the address alone",
		"The address has a zone, as in fe80::1%eth0; the property needs the address only.")
	msgValueRepeated = message.Define("value-repeated",
		"is listed twice",
		"once is enough",
		"The list contains the value more than once. The repetition has no effect.")
	msgIDLongerThanProxmox = message.Define("id-longer-than-proxmox",
		"is longer than the {max} characters that Proxmox VE itself accepts",
		"it works here, but not in a file moved there",
		"Proxmox VE accepts shorter names only, so the object cannot be moved there.")
	msgTextHasTab = message.Define("text-has-tab",
		"must be one line of printable characters, without tabs",
		"use blanks",
		"Proxmox VE accepts tabs in this text; files and tables show it wrongly.")
	msgTextNotOneLine = message.Define("text-not-one-line",
		"must be one line of printable characters",
		"remove line breaks and other control characters",
		"The text has control characters, which would break files and terminals.")
	msgNodeAddressNotUnicast = message.Define("node-address-not-unicast",
		"is not an address other nodes can reach",
		"give one of the node's own unicast addresses",
		"Other nodes send tunnel packets to this address, so it has to be a unicast address of the node.")
	msgNodeReservedPatternInvalid = message.Define("node-reserved-pattern-invalid",
		"is not a valid pattern:",
		"write an interface name in which * stands for any characters, ? for one, [a-z] for a range",
		"The pattern for interface names that Viaduct must not touch cannot be read.")
	msgObjectHidden = message.Define("object-hidden",
		"does not go together with what you may not see",
		"choose another, or ask an administrator",
		"The object conflicts with one that the user has no permission to read, so it is not named.")
	msgExternalIDInvalid = message.Define("external-id-invalid",
		"must be 2 or more letters and digits, and begin with a letter",
		"",
		"The ID of an address management system or DNS server is also a name in Proxmox VE's files.")
	msgExternalURLMissing = message.Define("external-url-missing",
		"is missing:",
		"where the API is, like {example}",
		"An external system needs the URL of its HTTP API.")
	msgExternalURLInvalid = message.Define("external-url-invalid",
		"is no http or https URL",
		"write it like {example}",
		"The URL of an external system cannot be used.")
	msgExternalURLHasPassword = message.Define("external-url-has-password",
		"has a password in it, which would be shown",
		"use the token or key",
		"URLs are shown to everybody who may read the object; secrets have a property of their own.")
	msgFingerprintInvalid = message.Define("fingerprint-invalid",
		"is not a SHA-256 fingerprint: 32 pairs of hexadecimal digits with colons between",
		"",
		"The fingerprint replaces the verification of the system's certificate by an authority.")
	msgDNSKeyMissing = message.Define("dns-key-missing",
		"is missing:",
		"the server's api-key",
		"The API of a PowerDNS server needs a key (its option api-key).")
	msgDNSReverseMaskInvalid = message.Define("dns-reverse-mask-invalid",
		"must be a multiple of 4: a reverse zone ends between two hexadecimal digits",
		"",
		"Names in IPv6 reverse zones have one label for each hexadecimal digit, which is 4 bits (RFC 3596).")
	msgIPAMBuiltinType = message.Define("ipam-builtin-type",
		"cannot be that of the built-in address management {id}",
		"choose another id",
		"The name of the built-in address management cannot be that of an external system.")
	msgIPAMTokenMissing = message.Define("ipam-token-missing",
		"is missing:",
		"make one in {type} and give it here",
		"The API of an external address management system needs a token.")
	msgIPAMSectionMissing = message.Define("ipam-section-missing",
		"is missing:",
		"the number of the section that subnets go into, from 1",
		"phpIPAM keeps subnets in numbered sections.")
)
