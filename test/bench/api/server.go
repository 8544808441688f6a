package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/viaduct-sdn/viaduct/pkg/api"
	"github.com/viaduct-sdn/viaduct/test/bench/process"
	"github.com/viaduct-sdn/viaduct/test/bench/report"
)

// server is a process that serves, and a client of its Proxmox API.
type server struct {
	*process.Server
	url    string
	token  string
	client *http.Client
	peak   float64 // memory, before its reset in the kernel
}

// start starts a server with an empty data directory and makes a token.
func start(ctx context.Context, binary string) (*server, error) {
	p, err := process.Start(ctx, binary)
	if err != nil {
		return nil, err
	}
	s := &server{Server: p, url: "https://" + p.Address + "/api2/json"}
	token, err := p.Client.CreateUserToken(ctx, api.UserToken{User: "root@pam", Name: "bench", AllPrivileges: true})
	if err != nil {
		return nil, fmt.Errorf("making a token: %w", err)
	}
	s.token = "PVEAPIToken=" + token.ID() + "=" + token.Secret
	pem, err := os.ReadFile(filepath.Join(p.Data, "ca.crt"))
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	s.client = &http.Client{Transport: &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: roots, NextProtos: []string{"http/1.1"}}, MaxIdleConnsPerHost: writers, DisableCompression: true,
	}}
	return s, nil
}

// call makes a request and returns the answer's body.
func (s *server) call(ctx context.Context, method, path string, form url.Values) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, s.url+path, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", s.token)
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	resp, err := s.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s %s: %s", method, path, resp.Status)
	}
	return body, nil
}

// memory returns the present and the peak memory of the server.
func (s *server) memory() ([]report.Row, error) {
	now, err := s.Memory("VmRSS")
	if err != nil {
		return nil, err
	}
	peak, err := s.Memory("VmHWM")
	return []report.Row{mebibytes("api/memory", now), mebibytes("api/memory/peak", max(peak, s.peak))}, err
}

// forgetPeak resets the peak memory, and returns the present memory.
func (s *server) forgetPeak() (float64, error) {
	var err error
	if s.peak, err = s.Memory("VmHWM"); err != nil {
		return 0, err
	}
	if err := s.ResetPeak(); err != nil {
		return 0, err
	}
	return s.Memory("VmRSS")
}
