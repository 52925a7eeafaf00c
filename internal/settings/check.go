package settings

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/travishook/travishook/internal/identity"
	"github.com/travishook/travishook/internal/verify"
)

// MaxEmbeddedLinger is the longest receiver.linger with the embedded store.
const MaxEmbeddedLinger = 10 * time.Second

// problems returns what is wrong, each problem starting with the field.
func (s *Settings) problems() []string {
	var p problems
	for i, ns := range s.Namespaces {
		p.check(len(validation.IsDNS1123Label(ns)) == 0, "namespaces[%d]: %q is not a valid namespace name", i, ns)
	}
	s.Receiver.check(&p)
	s.Trust.check(&p)
	s.Store.check(&p)
	p.check(s.Store.External != nil || s.Receiver.Linger <= Duration(MaxEmbeddedLinger),
		"receiver.linger: %s is over %s, and with the embedded store the next pod holds webhooks as long", s.Receiver.Linger, MaxEmbeddedLinger)
	s.Delivery.check(&p)
	if s.API.Address != "" {
		p.address("api.address", s.API.Address)
	}
	p.tls("api.tls", s.API.TLS)
	p.address("probes.address", s.Probes.Address)
	p.address("metrics.address", s.Metrics.Address)
	p.distinct(map[string]string{
		"receiver.address": s.Receiver.Address,
		"api.address":      s.API.Address,
		"probes.address":   s.Probes.Address,
		"metrics.address":  s.Metrics.Address,
	})
	p.oneOf("log.level", s.Log.Level, "debug", "info", "error")
	p.oneOf("log.format", s.Log.Format, "json", "console")
	return p
}

func (r *Receiver) check(p *problems) {
	p.address("receiver.address", r.Address)
	p.check(strings.HasPrefix(r.PathPrefix, "/") && path.Clean(r.PathPrefix) == r.PathPrefix && r.PathPrefix != "/",
		"receiver.pathPrefix: %q must be a path such as /travis, without a trailing slash", r.PathPrefix)
	p.check(r.MaxAge == 0 || r.MaxAge >= Duration(time.Minute), "receiver.maxAge: %s is under 1m; 0s is no limit", r.MaxAge)
	p.check(r.Linger >= 0 && r.Linger <= Duration(time.Minute), "receiver.linger: %s is not between 0s and 1m", r.Linger)
	if r.PublicURL != "" {
		u, err := url.Parse(r.PublicURL)
		p.check(err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "",
			"receiver.publicURL: %q is not a URL such as https://hooks.example.com/travis", r.PublicURL)
		p.check(err != nil || u.User == nil,
			"receiver.publicURL: remove the user name; Travis sends nothing to a URL that has one")
	}
	p.tls("receiver.tls", r.TLS)
}

func (t *Trust) check(p *problems) {
	names := map[string]bool{}
	for i, k := range t.Keys {
		at := fmt.Sprintf("trust.keys[%d]", i)
		p.check(k.Name != "", "%s.name: set a name, which logs and conditions show", at)
		p.check(!names[k.Name], "%s.name: %q is already the name of another key", at, k.Name)
		names[k.Name] = true
		k.check(p, at)
	}
	for i, glob := range t.KeylessRepositories {
		p.glob(fmt.Sprintf("trust.keylessRepositories[%d]", i), glob)
	}
	p.check(t.KeyRefresh >= Duration(time.Minute), "trust.keyRefresh: %s is under 1m", t.KeyRefresh)
	p.check(t.KeyOverlap >= 0, "trust.keyOverlap: %s is negative", t.KeyOverlap)
}

func (k *Key) check(p *problems, at string) {
	sources := k.checkSources(p, at)
	p.check(sources == 1, "%s: set exactly one of pem, configMap, secret and url", at)
	if k.API != "" {
		p.check(isSecureURL(k.API, true), "%s.api: %q is not an https URL such as https://api.travis-ci.com; over plain http, anyone on the path could answer", at, k.API)
	}
	p.check(k.Provider == "" || slices.Contains(identity.Providers(), k.Provider),
		"%s.provider: %q is not one of %s", at, k.Provider, strings.Join(identity.Providers(), ", "))
	for i, glob := range k.Repositories {
		p.glob(fmt.Sprintf("%s.repositories[%d]", at, i), glob)
	}
}

// checkSources returns how many of the sources of a key are set.
func (k *Key) checkSources(p *problems, at string) (sources int) {
	if k.PEM != "" {
		sources++
		_, err := verify.ParseKey(k.PEM)
		p.check(err == nil, "%s.pem: %v", at, err)
	}
	for field, object := range map[string]*ObjectKey{"configMap": k.ConfigMap, "secret": k.Secret} {
		if object != nil {
			sources++
			p.check(object.Name != "" && object.Key != "", "%s.%s: set both name and key", at, field)
		}
	}
	if k.URL != "" {
		sources++
		p.check(isSecureURL(k.URL, false),
			"%s.url: %q is not an https URL such as https://api.travis-ci.com/config; over plain http, anyone on the path could replace the key", at, k.URL)
	}
	return sources
}

// isSecureURL reports whether text is an https URL, or one of this machine. anonymous refuses one with a
// user name.
func isSecureURL(text string, anonymous bool) bool {
	u, err := url.Parse(text)
	return err == nil && u.Host != "" && (!anonymous || u.User == nil) &&
		(u.Scheme == "https" || u.Scheme == "http" && isLoopback(u.Hostname()))
}

// isLoopback reports whether a host is this machine, so that plain http is acceptable.
func isLoopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || (err == nil && addr.IsLoopback())
}

func (s *Store) check(p *problems) {
	s.External.check(p)
	p.check(path.IsAbs(s.Directory), "store.directory: %q is not an absolute path", s.Directory)
	p.check(s.MaxSize.Value() >= 16<<20, "store.maxSize: %s is under 16Mi", s.MaxSize.String())
	p.check(s.MaxMemory.Value() == 0 || s.MaxMemory.Value() >= 16<<20, "store.maxMemory: %s is under 16Mi", s.MaxMemory.String())
	p.check(s.KeepDead >= Duration(time.Hour), "store.keepDead: %s is under 1h", s.KeepDead)
}

func (x *External) check(p *problems) {
	if x == nil {
		return
	}
	for server := range strings.SplitSeq(x.URL, ",") {
		u, err := url.Parse(strings.TrimSpace(server))
		p.check(err == nil && (u.Scheme == "nats" || u.Scheme == "tls") && u.Host != "",
			"store.external.url: %q is not a list of servers such as nats://nats-0:4222,nats://nats-1:4222, or tls://nats:4222", x.URL)
		p.check(err != nil || u.User == nil,
			"store.external.url: remove the user, password or token, because settings are not a Secret; use credentialsFile")
	}
	p.tls("store.external.tls", x.TLS)
	p.check(x.Replicas == 0 || x.Replicas == 1 || x.Replicas == 3 || x.Replicas == 5,
		"store.external.replicas: %d is not one of 1, 3, 5", x.Replicas)
	p.check(x.Name == "" || len(validation.IsDNS1123Label(x.Name)) == 0,
		"store.external.name: %q may contain only lowercase letters, digits and -", x.Name)
}

func (d *Delivery) check(p *problems) {
	p.check(d.RetryFor >= 0 && d.RetryFor <= Duration(7*24*time.Hour), "delivery.retryFor: %s is not between 0s and 168h", d.RetryFor)
}

// problems collects everything that is wrong, so that a file can be fixed in one go.
type problems []string

func (p *problems) check(ok bool, format string, args ...any) {
	if !ok {
		*p = append(*p, fmt.Sprintf(format, args...))
	}
}

func (p *problems) address(field, value string) {
	_, port, err := net.SplitHostPort(value)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	p.check(err == nil, "%s: %q is not host:port, such as :8080", field, value)
}

func (p *problems) tls(field string, t *TLS) {
	p.check(t == nil || t.CertFile != "" && t.KeyFile != "", "%s: set both certFile and keyFile, or omit tls", field)
}

func (p *problems) distinct(addresses map[string]string) {
	fields := make([]string, 0, len(addresses))
	for f := range addresses {
		fields = append(fields, f)
	}
	slices.Sort(fields)
	for i, a := range fields {
		for _, b := range fields[i+1:] {
			same := addresses[a] == addresses[b] && !strings.HasSuffix(addresses[a], ":0")
			p.check(!same, "%s and %s are both %q; each needs a port of its own", a, b, addresses[a])
		}
	}
}

func (p *problems) oneOf(field, value string, known ...string) {
	p.check(slices.Contains(known, value), "%s: %q is not one of %s", field, value, strings.Join(known, ", "))
}

func (p *problems) glob(field, glob string) {
	_, err := verify.ParsePatterns([]string{glob})
	p.check(err == nil, "%s: %v", field, err)
}
