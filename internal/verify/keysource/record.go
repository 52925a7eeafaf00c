package keysource

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"time"

	"github.com/travishook/travishook/internal/queue/keyvalue"
)

// bucket of the store with the records, by URL.
const bucket = "signing-keys"

// record contains the keys that a URL returned, newest first. It is stored across restarts.
type record struct {
	Keys []remembered `json:"keys"`
}

// remembered is a key that a URL returned.
type remembered struct {
	DER []byte `json:"der"` // PKCS #1
	// Until is when it stops being valid; zero for the current one.
	Until time.Time `json:"until,omitzero"`

	public *rsa.PublicKey
}

// loadRecord reads a record. An invalid one counts as empty, so that the key is fetched again.
func loadRecord(store keyvalue.Store, url string) record {
	var r record
	value, ok := store.Get(bucket, url)
	if !ok || json.Unmarshal(value, &r) != nil {
		return record{}
	}
	for i := range r.Keys {
		public, err := x509.ParsePKCS1PublicKey(r.Keys[i].DER)
		if err != nil {
			return record{}
		}
		r.Keys[i].public = public
	}
	return r
}

// current returns the key that the URL returned last, or nil.
func (r record) current() *rsa.PublicKey {
	if len(r.Keys) == 0 {
		return nil
	}
	return r.Keys[0].public
}

// valid returns the keys that are still valid.
func (r record) valid(now time.Time) []*rsa.PublicKey {
	var keys []*rsa.PublicKey
	for _, k := range r.Keys {
		if k.Until.IsZero() || now.Before(k.Until) {
			keys = append(keys, k.public)
		}
	}
	return keys
}

// with returns the record after the URL returned key, and whether that changes it. Previous keys stay valid
// for overlap, for events that Travis signed just before the change.
func (r record) with(key *rsa.PublicKey, now time.Time, overlap time.Duration) (record, bool) {
	if current := r.current(); current != nil && current.Equal(key) {
		return r, false
	}
	next := record{Keys: []remembered{{DER: x509.MarshalPKCS1PublicKey(key), public: key}}}
	for _, k := range r.Keys {
		if k.Until.IsZero() {
			k.Until = now.Add(overlap)
		}
		if now.Before(k.Until) {
			next.Keys = append(next.Keys, k)
		}
	}
	return next, true
}
