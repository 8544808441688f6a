package model

import "github.com/viaduct-sdn/viaduct/internal/message"

// The messages about load balancers.
var (
	msgLoadBalancerNameInvalid = message.Define("load-balancer-name-invalid",
		"is not a DNS label in lower case:",
		"use up to {limit} of a to z, 0 to 9 and hyphens, no hyphen at either end",
		"The ID of a load balancer is its name on the nodes.")
	msgLoadBalancerSectorMissing = message.Define("load-balancer-sector-missing",
		"is missing:",
		"name a sector (viaduct get sectors)",
		"A load balancer uses the address and the guests of a sector.")
	msgCertificateTooLong = message.Define("load-balancer-certificate-too-long",
		"is too long:",
		"the limit is {limit} bytes",
		"The size of a certificate with its chain is limited.")
	msgLoadBalancerPortMissing = message.Define("load-balancer-port-missing",
		"is missing:",
		"give a port from 1 to {last}",
		"Clients connect to a port of the sector's address. The upper half of the ports are source ports of its guests.")
	msgLoadBalancerPortUsed = message.Define("load-balancer-port-used",
		"is a port of load balancer {load-balancer} of sector {sector} already:",
		"choose another port",
		"A port of a sector's address leads to one load balancer.")
	msgLoadBalancerPortForwarded = message.Define("load-balancer-port-forwarded",
		"is forwarded ({forward}) by sector {sector} already:",
		"choose another port, or remove the forward",
		"A port of a sector's address leads to a guest or to a load balancer.")
	msgPoolTooLarge = message.Define("load-balancer-pool-too-large",
		"are too many:",
		"the limit is {limit} guests",
		"The number of guests of one load balancer is limited.")
	msgPoolGuestInvalid = message.Define("load-balancer-guest-invalid",
		"is not the number of a guest:",
		"use {first} to {last} (viaduct get guests)",
		"The pool of a load balancer names guests by their number.")
	msgPoolGuestTwice = message.Define("load-balancer-guest-twice",
		"is in the pool already:",
		"name each guest once, with a weight",
		"The share of a guest is its weight.")
	msgCheckNotHTTP = message.Define("load-balancer-check-not-http",
		"has no meaning for this check:",
		"set check to http, or leave it out",
		"Only a check by HTTP requests something.")
	msgCheckNone = message.Define("load-balancer-check-none",
		"has no meaning without a check:",
		"set check to tcp or http, or leave it out",
		"With check: none guests are not checked.")
	msgCheckPathInvalid = message.Define("load-balancer-check-path-invalid",
		"is not a path:",
		"begin it with / and write other characters than printable ASCII as %XX",
		"The path is part of a request of HTTP.")
	msgCheckHostInvalid = message.Define("load-balancer-check-host-invalid",
		"is not a host name",
		"use a DNS name like shop.example.com",
		"The host is part of a request of HTTP.")
	msgCheckStatusInvalid = message.Define("load-balancer-check-status-invalid",
		"is not a status of HTTP:",
		"use numbers from 100 to 599 or ranges of them, like 200 or 200-299,301",
		"A guest works whose answer has one of these statuses.")
	msgPanicWithoutOpen = message.Define("load-balancer-panic-without-fail-open",
		"has no meaning when clients are rejected:",
		"set when-unhealthy to fail-open, or leave it out",
		"The threshold says when all guests are used although checks fail.")
	msgKeyWithoutCertificate = message.Define("load-balancer-key-without-certificate",
		"belongs to no certificate:",
		"set certificate, or remove the key",
		"TLS needs a certificate and its private key.")
	msgCertificateWithoutKey = message.Define("load-balancer-certificate-without-key",
		"has no private key:",
		"set key",
		"TLS needs a certificate and its private key.")
	msgCertificateInvalid = message.Define("load-balancer-certificate-invalid",
		"cannot be used: {error}:",
		"give the certificate first, then those that signed it, and the private key of the first",
		"The certificate, its chain or its private key is damaged, or they do not belong together.")
	msgRedirectWithoutCertificate = message.Define("load-balancer-redirect-without-certificate",
		"redirects to https, which the load balancer does not serve:",
		"set certificate and key, or leave it out",
		"Requests are redirected to the load balancer's own port.")
)
