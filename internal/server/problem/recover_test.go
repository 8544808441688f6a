package problem_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/viaduct-sdn/viaduct/internal/server/problem"
	"github.com/viaduct-sdn/viaduct/pkg/api"
)

func TestRecover(t *testing.T) {
	var buf bytes.Buffer
	log := slog.New(slog.NewTextHandler(&buf, nil))
	serve := func(p any) *httptest.ResponseRecorder {
		w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/api/v1/zones", nil)
		func() {
			defer problem.Recover(w, r, log)
			if p != nil {
				panic(p)
			}
		}()
		return w
	}
	w := serve("a secret of the program")
	var e api.Error
	if err := json.Unmarshal(w.Body.Bytes(), &e); err != nil || w.Code != http.StatusInternalServerError || e.Type != api.TypeInternal || strings.Contains(w.Body.String(), "secret") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if s := buf.String(); strings.Count(s, "\n") != 1 || !strings.Contains(s, "level=ERROR") || !strings.Contains(s, "a secret of the program") || !strings.Contains(s, "recover_test.go") {
		t.Errorf("logged: %s", s)
	}
	if w := serve(nil); w.Body.Len() > 0 {
		t.Errorf("without a panic: %s", w.Body)
	}
	defer func() {
		if recover() != http.ErrAbortHandler { //nolint:errorlint // see Recover
			t.Error("a handler that aborts is not let through")
		}
	}()
	serve(http.ErrAbortHandler)
}
