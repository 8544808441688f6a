package api

import (
	"net/http"

	"github.com/viaduct-sdn/viaduct/internal/message"
	"github.com/viaduct-sdn/viaduct/internal/server/problem"
	"github.com/viaduct-sdn/viaduct/pkg/api"
)

// The messages about edits that the interface checks itself.
var (
	msgExternalRefused = message.Define("external-address-refused",
		"{error}",
		"",
		"The address of an external system is not one that the server may connect to.")
	msgExternalUnreachable = message.Define("external-unreachable",
		"is stored, but the external system does not answer as it should",
		"nothing can be registered with it until it does: {error}",
		"An external system was asked after it was declared, and could not be reached or refused access.")
	msgExists = message.Define("object-exists",
		"exists already",
		"choose another name, or change the object that has it",
		"The request is to create an object, and one of this kind and name exists.")
	msgHiddenInvalid = message.Define("hidden-object-invalid",
		"one that you may not see would no longer be valid",
		"ask somebody with SDN.Audit on /sdn to look at this edit",
		"The edit makes an object invalid that the user has no permission to read.")
)

// message answers the definition of a message.
func (h *Handler) message(r *request) (any, error) {
	d := message.Find(r.PathValue("code"))
	if d == nil {
		return nil, problem.New(http.StatusNotFound, api.TypeNotFound, "no message of this release has the code %q: a newer server or agent may have it", r.PathValue("code"))
	}
	return api.MessageInfo{Code: d.Code, Text: d.Text, Remedy: d.Remedy, Explanation: d.Explanation}, nil
}
