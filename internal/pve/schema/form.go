package schema

import (
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/viaduct-sdn/viaduct/internal/line"
	"github.com/viaduct-sdn/viaduct/internal/model"
)

// The forms of names and values that Proxmox checks.
var (
	shortID  = regexp.MustCompile(`^[a-zA-Z][a-zA-Z0-9]*[a-zA-Z0-9]$`)
	longID   = regexp.MustCompile(`^[a-zA-Z][a-zA-Z0-9_-]*[a-zA-Z0-9]$`)
	config   = regexp.MustCompile(`^[a-zA-Z0-9]([a-zA-Z0-9_-]{0,30}[a-zA-Z0-9])?$`)
	fabric   = regexp.MustCompile(`^[a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?$`)
	node     = regexp.MustCompile(`^[a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?$`)
	dnsLabel = regexp.MustCompile(`^[a-zA-Z0-9]([a-zA-Z0-9_-]*[a-zA-Z0-9])?$`)
	netTitle = regexp.MustCompile(`^[a-fA-F0-9]{2}(\.[a-fA-F0-9]{4}){3,9}\.[a-fA-F0-9]{2}$`)
	alias    = regexp.MustCompile(`^[\s\p{L}\p{M}\p{N}_()*+,\-./:;<=>?@\[\\\]^]*$`)
)

// Maximum lengths of names in Proxmox, in characters.
const (
	MaxShortID    = 8
	maxController = 64
)

// CheckID returns Proxmox's error for the name of a new object; empty means none. Zones
// and VNets of Viaduct may have longer names, which are created through other
// interfaces.
func (k *Kind) CheckID(id string) string {
	n := utf8.RuneCountInString(id)
	switch k.Model {
	case model.KindZone, model.KindVNet:
		switch {
		case !shortID.MatchString(id):
			return "invalid format - " + k.Noun + " ID '" + id + "' contains illegal characters"
		case n > MaxShortID:
			return "invalid format - " + k.Noun + " ID '" + id + "' can't be more length than 8 characters"
		}
	case model.KindController:
		switch {
		case !longID.MatchString(id):
			return "invalid format - controller ID '" + id + "' contains illegal characters"
		case n > maxController:
			return "invalid format - controller ID '" + id + "' can't be more length than 64 characters"
		}
	case model.KindIPAM, model.KindDNS:
		return pluginID(id)
	case model.KindFabric:
		if n < 2 {
			return "value must be at least 2 characters long"
		}
		if n > MaxShortID {
			return "value may only be 8 characters long"
		}
		return fabricID(id)
	default: // has no rules of its own
	}
	return ""
}

func pluginID(s string) string {
	if !shortID.MatchString(s) {
		return "invalid format - ID '" + s + "' contains illegal characters"
	}
	return ""
}

func configID(s string) string {
	if !config.MatchString(s) {
		return "invalid format - invalid configuration ID '" + s + "'"
	}
	return ""
}

func fabricID(s string) string {
	if !fabric.MatchString(s) {
		return "invalid format - value does not look like a valid fabric ID"
	}
	return ""
}

func nodeName(s string) string {
	if !node.MatchString(s) {
		return "invalid format - value does not look like a valid node name"
	}
	return ""
}

func dnsName(s string) string {
	for label := range strings.SplitSeq(s, ".") {
		if !dnsLabel.MatchString(label) || len(label) > 63 {
			return "invalid format - value does not look like a valid DNS name"
		}
	}
	return ""
}

func addressOf(s string) (netip.Addr, bool) {
	a, err := netip.ParseAddr(s)
	return a, err == nil && a.Zone() == ""
}

// Address returns the error in an IP address.
func Address(s string) string {
	if _, ok := addressOf(s); !ok {
		return "invalid format - value does not look like a valid IP address"
	}
	return ""
}

func address4(s string) string {
	if a, ok := addressOf(s); !ok || !a.Is4() {
		return "invalid format - value does not look like a valid IPv4 address"
	}
	return ""
}

func address6(s string) string {
	if a, ok := addressOf(s); !ok || !a.Is6() {
		return "invalid format - value does not look like a valid IPv6 address"
	}
	return ""
}

func prefix4(s string) string {
	if p, err := netip.ParsePrefix(s); err != nil || !p.Addr().Is4() {
		return "invalid format - value does not look like a valid IPv4 network"
	}
	return ""
}

func prefix6(s string) string {
	if p, err := netip.ParsePrefix(s); err != nil || !p.Addr().Is6() {
		return "invalid format - value does not look like a valid IPv6 network"
	}
	return ""
}

func prefix(s string) string {
	if prefix4(s) != "" && prefix6(s) != "" {
		return "invalid format - value does not look like a valid network"
	}
	return ""
}

func publicKey(s string) string {
	if !model.IsWireGuardKey(s) {
		return "invalid format - value does not look like a WireGuard key: 32 bytes in base64"
	}
	return ""
}

// CIDR returns the error in the network of a new subnet: its length must be 8 to 32 bits,
// or up to 128 in IPv6. Host bits are accepted.
func CIDR(s string) string {
	p, err := netip.ParsePrefix(s)
	if err != nil || p.Bits() < model.MinMask {
		return "invalid format - value does not look like a valid CIDR network"
	}
	return ""
}

// MAC returns the error in the MAC address of a host.
func MAC(s string) string {
	m, ok := model.NormalizeMAC(s)
	if !ok || strings.Count(s, ":") != 5 {
		return "invalid format - value does not look like a valid unicast MAC address"
	}
	if first, err := strconv.ParseUint(m[:2], 16, 8); err != nil || first&1 != 0 {
		return "invalid format - value does not look like a valid unicast MAC address"
	}
	return ""
}

func routeTarget(s string) string {
	left, right, ok := strings.Cut(s, ":")
	for _, half := range []string{left, right} {
		if _, err := strconv.ParseUint(half, 10, 32); err != nil || !ok {
			return "invalid format - value does not look like a valid route target"
		}
	}
	return ""
}

func entityTitle(s string) string {
	if !netTitle.MatchString(s) {
		return "invalid format - value does not look like a valid network entity title"
	}
	return ""
}

func ospfArea(s string) string {
	if _, err := strconv.ParseUint(s, 10, 32); err == nil {
		return ""
	}
	if a, ok := addressOf(s); !ok || !a.Is4() {
		return "invalid format - value does not look like a valid OSPF area"
	}
	return ""
}

// sha256Print is a SHA-256 sum in hexadecimal, with colons.
var sha256Print = regexp.MustCompile(`^([0-9A-Fa-f]{2}:){31}[0-9A-Fa-f]{2}$`)

func fingerprint(s string) string {
	if !sha256Print.MatchString(s) {
		return "invalid format - value does not look like a valid SHA-256 fingerprint"
	}
	return ""
}

func aliasText(s string) string {
	if !alias.MatchString(s) {
		return "invalid format - alias contains illegal characters"
	}
	return ""
}

// IsTrue parses a boolean; an invalid one is false.
func IsTrue(text string) bool {
	value, _ := parseBool(text)
	return value
}

// Items returns the items of lists and arrays.
func Items(values ...string) []string {
	var out []string
	for _, v := range values {
		out = append(out, items(v)...)
	}
	return out
}

// items splits the text of a list as Proxmox does.
func items(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(",; \t\r\n\x00", r) })
}

// parseBool parses a boolean.
func parseBool(text string) (value, ok bool) {
	switch strings.ToLower(text) {
	case "1", "on", "yes", "true":
		return true, true
	case "0", "off", "no", "false":
		return false, true
	}
	return false, false
}

// integer is the form of an integer in Proxmox.
var integer = regexp.MustCompile(`^[+-]?[0-9]+$`)

// Fault returns Proxmox's error for the values of a property; empty means none. A scalar
// property has one value.
func (p *Property) Fault(values []string) string {
	if p.Form != Array && len(values) != 1 {
		return "type check ('" + string(p.wire()) + "') failed - got ARRAY"
	}
	for _, text := range values {
		if what := p.fault(text); what != "" {
			return what
		}
	}
	return ""
}

// Clears reports whether the values of an optional property are an empty text that its
// form does not allow: they clear the property. Proxmox does the same where it does not
// check the form.
func (p *Property) Clears(values []string) bool {
	return p.Need != 'r' && p.Form == Text && len(values) == 1 && values[0] == "" && p.fault("") != ""
}

// Equal reports whether two texts have the same value of a scalar property.
func (p *Property) Equal(a, b string) bool {
	if p.Form != Integer {
		return a == b
	}
	x, err1 := strconv.ParseInt(a, 10, 64)
	y, err2 := strconv.ParseInt(b, 10, 64)
	return a == b || err1 == nil && err2 == nil && x == y
}

// wire returns the name of the form in the schema of Proxmox, where lists are texts.
func (p *Property) wire() Form {
	if p.Form == List {
		return Text
	}
	return p.Form
}

// The maximum lengths, in characters, of properties without a limit in Proxmox: stored
// values must be bounded.
const (
	maxText    = 4096
	maxList    = 64 << 10
	maxInteger = 20
)

// longest returns the maximum length of the property's value, in characters.
func (p *Property) longest() int {
	switch {
	case p.MaxLength > 0:
		return p.MaxLength
	case p.Form == List:
		return maxList
	case p.Form == Integer || p.Form == Boolean:
		return maxInteger
	}
	return maxText
}

func (p *Property) fault(text string) string {
	if utf8.RuneCountInString(text) > p.longest() {
		return "value may only be " + strconv.Itoa(p.longest()) + " characters long"
	}
	switch p.Form {
	case Integer:
		return p.integerFault(text)
	case Boolean:
		if _, ok := parseBool(text); !ok {
			return "type check ('boolean') failed - got '" + text + "'"
		}
		return ""
	case List:
		for _, item := range items(text) {
			if p.Check != nil && p.Check(item) != "" {
				return p.Check(item)
			}
		}
		return lineFault(text)
	case Text, Array: // as below
	}
	if p.Enum != nil && !slices.Contains(p.Enum, text) {
		return "value '" + text + "' does not have a value in the enumeration '" + strings.Join(p.Enum, ", ") + "'"
	}
	if p.Check != nil {
		if what := p.Check(text); what != "" {
			return what
		}
	}
	return lineFault(text)
}

func (p *Property) integerFault(text string) string {
	if !integer.MatchString(text) {
		return "type check ('integer') failed - got '" + text + "'"
	}
	n, err := strconv.ParseInt(text, 10, 64)
	switch {
	case err != nil:
		return "type check ('integer') failed - got '" + text + "'"
	case n < p.Min:
		return "value must have a minimum value of " + strconv.FormatInt(p.Min, 10)
	case p.Max > 0 && n > p.Max:
		return "value must have a maximum value of " + strconv.FormatInt(p.Max, 10)
	}
	return ""
}

// lineFault refuses characters that would end a line of a file.
func lineFault(text string) string {
	if !line.Is(strings.ReplaceAll(text, "\t", " ")) {
		return "value contains line breaks or control characters"
	}
	return ""
}
