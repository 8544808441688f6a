package pveapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/viaduct-sdn/viaduct/internal/pve/schema"
	"github.com/viaduct-sdn/viaduct/internal/server/limit"
)

// Limits of a request.
const (
	maxBody     = 1 << 20 // bytes
	maxOpenBody = 64 << 10
	maxValues   = 1000
	// maxUnknown limits the unknown parameters that an answer names; maxName and
	// maxFault limit how much of a name and of a fault it shows, in bytes.
	maxUnknown = 20
	maxName    = 64
	maxFault   = 300
)

// Proxmox's texts about parameters.
const (
	faultUnknown = "property is not defined in schema and the schema does not allow additional properties"
	faultMissing = "property is missing and it is not optional"
	faultTwice   = "duplicate parameter (already defined in URI)"
	faultText    = "value contains line breaks, control characters or bytes that are not UTF-8"
)

// values are the parameters of a request as received, with their total count.
type values struct {
	named schema.Values
	count int
}

var errTooMany = &Failure{http.StatusBadRequest, "the request has more than " + strconv.Itoa(maxValues) + " parameters"}

func (v *values) add(name, value string) error {
	if v.count++; v.count > maxValues {
		return errTooMany
	}
	v.named[name] = append(v.named[name], value)
	return nil
}

// read returns the parameters in the query and the body of a request.
func (x *exchange) read(most int64) (schema.Values, error) {
	v := &values{named: schema.Values{}}
	if err := v.form(x.r.URL.RawQuery); err != nil {
		return nil, err
	}
	delete(v.named, "_dc") // browsers add it to prevent caching of the answer
	body, err := x.body(most)
	if err != nil {
		return nil, err
	}
	if len(body) == 0 {
		return v.named, nil
	}
	kind := x.r.Header.Get("Content-Type")
	if media, _, err := mime.ParseMediaType(kind); err == nil {
		kind = media
	}
	switch kind {
	case "application/json":
		err = v.json(body)
	case "application/x-www-form-urlencoded", "":
		err = v.form(string(body))
	default:
		return nil, &Failure{http.StatusUnsupportedMediaType, "the body's type must be application/x-www-form-urlencoded or application/json"}
	}
	return v.named, err
}

// body reads a request's body up to the size limit. Package limit enforces that it
// arrives in time, and how many are kept at once.
func (x *exchange) body(most int64) ([]byte, error) {
	tooLarge := &Failure{http.StatusRequestEntityTooLarge, "the body is larger than " + strconv.FormatInt(most, 10) + " bytes"}
	if x.r.ContentLength > most {
		return nil, tooLarge
	}
	b, err := io.ReadAll(http.MaxBytesReader(x.w, x.r.Body, most))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return nil, tooLarge
	case errors.Is(err, limit.ErrBusy):
		return nil, &Failure{http.StatusServiceUnavailable, err.Error()}
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, &Failure{http.StatusRequestTimeout, "the body did not arrive in time"}
	case err != nil:
		return nil, &Failure{http.StatusBadRequest, "the body did not arrive"}
	}
	return b, nil
}

// form parses name=value&name=value.
func (v *values) form(text string) error {
	for pair := range strings.SplitSeq(text, "&") {
		if pair == "" {
			continue
		}
		key, value, _ := strings.Cut(pair, "=")
		name, err := url.QueryUnescape(key)
		if err == nil {
			value, err = url.QueryUnescape(value)
		}
		if err != nil {
			return &Failure{http.StatusBadRequest, "a parameter is not encoded as application/x-www-form-urlencoded"}
		}
		if err := v.add(name, value); err != nil {
			return err
		}
	}
	return nil
}

var errJSON = &Failure{http.StatusBadRequest, "the body is not a JSON object of parameters"}

// json parses an object with values that are texts, numbers, booleans, or lists of
// these. A null counts as not given.
func (v *values) json(body []byte) error {
	if !utf8.Valid(body) {
		return errJSON
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return errJSON
	}
	for d.More() {
		t, err := d.Token()
		name, ok := t.(string)
		if err != nil || !ok {
			return errJSON
		}
		if err := v.jsonValue(d, name); err != nil {
			return err
		}
	}
	if _, err := d.Token(); err != nil {
		return errJSON
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errJSON
	}
	return nil
}

func (v *values) jsonValue(d *json.Decoder, name string) error {
	t, err := d.Token()
	if err != nil {
		return errJSON
	}
	if t != json.Delim('[') {
		return v.jsonScalar(name, t)
	}
	if v.named[name] == nil {
		v.named[name] = []string{} // an empty list was given
	}
	for d.More() {
		if t, err = d.Token(); err != nil {
			return errJSON
		}
		if err := v.jsonScalar(name, t); err != nil {
			return err
		}
	}
	if _, err := d.Token(); err != nil {
		return errJSON
	}
	return nil
}

func (v *values) jsonScalar(name string, t json.Token) error {
	switch t := t.(type) {
	case string:
		return v.add(name, t)
	case json.Number:
		return v.add(name, t.String())
	case bool:
		if t {
			return v.add(name, "1")
		}
		return v.add(name, "0")
	case nil:
		return nil
	}
	return Params{short(name, maxName): "type check failed - got an object or a list of lists"}
}

// clean reports whether a text is UTF-8 without control characters except tabs.
func clean(text string) bool {
	return utf8.ValidString(text) && !strings.ContainsFunc(text, func(r rune) bool { return r < ' ' && r != '\t' || r >= 0x7f && r < 0xa0 })
}

func unclean(text string) bool { return !clean(text) }

// short truncates a text of a request for an answer.
func short(text string, longest int) string {
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 {
			return '?'
		}
		return r
	}, strings.ToValidUTF8(text, "?"))
	if len(text) > longest {
		text = strings.ToValidUTF8(text[:longest], "") + "..."
	}
	return text
}
