package haproxy

import "github.com/viaduct-sdn/viaduct/internal/message"

// The messages of the driver.
var (
	msgMissing = message.Define("haproxy-missing",
		"the load balancer does not serve on this node, which has no HAProxy:",
		"install it (apt install haproxy), it is found within a minute",
		"Load balancers need the program haproxy, release 2.6 or later, on every node that serves them.")
	msgRefused = message.Define("haproxy-config-refused",
		"HAProxy refuses the configuration of the load balancer, so {consequence}: {output}",
		"correct the property that it names",
		"HAProxy read the configuration of a load balancer and refused it. The other load balancers of the node are not affected.")
	msgStartFailed = message.Define("haproxy-start-failed",
		"HAProxy does not start with the declared load balancers, so {consequence}: {output}",
		"",
		"HAProxy was started and ended with an error that names none of the load balancers.")
	msgCertificateUnusable = message.Define("load-balancer-certificate-unusable",
		"the certificate of the load balancer cannot be used, so {consequence}: {error}",
		"set a certificate with its chain, and the private key that belongs to it",
		"The certificate, its chain or its private key is damaged, or they do not belong together.")
	msgCertificateExpired = message.Define("load-balancer-certificate-expired",
		"the certificate of the load balancer expired at {time}: clients refuse it, and it is served all the same",
		"set a new certificate and key",
		"A certificate has ended. HAProxy still presents it, as some clients do not look at its time.")
)
