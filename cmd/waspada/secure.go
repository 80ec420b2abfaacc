package main

import (
	"net/http"
	"os"

	"github.com/spf13/pflag"

	"github.com/waspada-hub/waspada/pkg/client"
)

// tlsFlags name the files with which the caller proves itself, and by which it knows the hub.
type tlsFlags struct{ cert, key, ca string }

func (f *tlsFlags) add(flags *pflag.FlagSet) {
	flags.StringVar(&f.cert, "cert", os.Getenv("WASPADA_CERT"), "file with your client certificate (PEM)")
	flags.StringVar(&f.key, "cert-key", os.Getenv("WASPADA_CERT_KEY"), "file with its private key (PEM)")
	flags.StringVar(&f.ca, "ca", os.Getenv("WASPADA_CA"),
		"file with the authorities (PEM) that vouch for the hub (default those of the system)")
}

// options are for the client, none where nothing is named.
func (f *tlsFlags) options() ([]client.Option, error) {
	if *f == (tlsFlags{}) {
		return nil, nil
	}
	config, err := client.LoadTLS(f.cert, f.key, f.ca)
	if err != nil {
		return nil, usage("%v", err)
	}
	return []client.Option{client.WithTLS(config)}, nil
}

// transport is for a request past the client; options must have found no fault.
func (f *tlsFlags) transport() http.RoundTripper {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	if config, err := client.LoadTLS(f.cert, f.key, f.ca); err == nil && *f != (tlsFlags{}) {
		transport.TLSClientConfig = config
	}
	return transport
}
