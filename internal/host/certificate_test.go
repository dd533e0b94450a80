package host_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/url"
	"testing"
	"time"

	"opsafe/internal/host"
)

// TestAuthority: only a certificate that says itself that it is none is no authority.
// OpenSSL also takes one for an authority that says nothing, but may sign others.
func TestAuthority(t *testing.T) {
	public, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		says x509.Certificate
		want bool
	}{
		"says that it is none":            {x509.Certificate{BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature}, false},
		"says that it is one":             {x509.Certificate{BasicConstraintsValid: true, IsCA: true}, true},
		"says nothing":                    {x509.Certificate{}, true},
		"says nothing, and signs others":  {x509.Certificate{KeyUsage: x509.KeyUsageCertSign}, true},
		"says that it is none, and signs": {x509.Certificate{BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}, true},
	} {
		c.says.SerialNumber, c.says.DNSNames, c.says.NotAfter = big.NewInt(1), []string{"web.test"}, time.Now().Add(time.Hour)
		der, err := x509.CreateCertificate(rand.Reader, &c.says, &c.says, public, key)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got, err := host.ReadCertificate(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
		if err != nil || got.Authority != c.want || !got.SelfSigned {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

// TestCertificateNames: a certificate for anything besides is not for these names alone.
func TestCertificateNames(t *testing.T) {
	public, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	at := []net.IP{net.ParseIP("127.0.0.1")}
	for name, c := range map[string]struct {
		says x509.Certificate
		want bool
	}{
		"these":               {x509.Certificate{IPAddresses: at, DNSNames: []string{"web.test"}, Subject: pkix.Name{CommonName: "web.test"}}, true},
		"these, in its way":   {x509.Certificate{IPAddresses: at, DNSNames: []string{"web.test"}}, true},
		"a host besides":      {x509.Certificate{IPAddresses: at, DNSNames: []string{"web.test", "bank.test"}}, false},
		"a common name only":  {x509.Certificate{IPAddresses: at, Subject: pkix.Name{CommonName: "web.test"}}, true},
		"another common name": {x509.Certificate{IPAddresses: at, Subject: pkix.Name{CommonName: "bank.test"}}, false},
		"somebody's mail":     {x509.Certificate{IPAddresses: at, DNSNames: []string{"web.test"}, EmailAddresses: []string{"a@bank.test"}}, false},
		"a resource":          {x509.Certificate{IPAddresses: at, DNSNames: []string{"web.test"}, URIs: []*url.URL{{Scheme: "https", Host: "bank.test"}}}, false},
		"one of them":         {x509.Certificate{IPAddresses: at}, false},
	} {
		c.says.SerialNumber, c.says.NotAfter = big.NewInt(1), time.Now().Add(time.Hour)
		der, err := x509.CreateCertificate(rand.Reader, &c.says, &c.says, public, key)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got, err := host.ReadCertificate(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
		if err != nil || got.For([]string{"web.test", "127.0.0.1"}) != c.want {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}
