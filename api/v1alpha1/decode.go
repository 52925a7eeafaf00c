package v1alpha1

import (
	"encoding/json"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// annotationUndecodable is set, in memory only, on an object whose spec does not decode.
const annotationUndecodable = "travishook.dev/undecodable"

// The schema lets through only what decodes. If an object does not decode nevertheless, because the cluster
// has the schema of another version, it must not fail the list of all of them: an object without its
// status is still an object, and one without its spec is skipped, see Undecodable.

// UnmarshalJSON implements json.Unmarshaler.
func (r *TravisRoute) UnmarshalJSON(data []byte) error {
	type plain TravisRoute
	return decode(data, (*plain)(r), &r.TypeMeta, &r.ObjectMeta, &r.Spec, func() { *r = TravisRoute{} })
}

// UnmarshalJSON implements json.Unmarshaler.
func (d *TravisDefaults) UnmarshalJSON(data []byte) error {
	type plain TravisDefaults
	return decode(data, (*plain)(d), &d.TypeMeta, &d.ObjectMeta, &d.Spec, func() { *d = TravisDefaults{} })
}

// decode decodes a whole object, else what of it can be decoded. Only an object without readable metadata
// is an error.
func decode(data []byte, whole any, kind *metav1.TypeMeta, meta *metav1.ObjectMeta, spec any, reset func()) error {
	err := json.Unmarshal(data, whole)
	if err == nil {
		return nil
	}
	reset()
	var parts struct {
		metav1.TypeMeta `json:",inline"`
		Metadata        metav1.ObjectMeta `json:"metadata"`
		Spec            json.RawMessage   `json:"spec"`
	}
	if json.Unmarshal(data, &parts) != nil {
		return err
	}
	*kind, *meta = parts.TypeMeta, parts.Metadata
	if len(parts.Spec) == 0 || json.Unmarshal(parts.Spec, spec) == nil {
		return nil
	}
	reset()
	*kind, *meta = parts.TypeMeta, parts.Metadata
	meta.Annotations = map[string]string{annotationUndecodable: err.Error()}
	return nil
}

// Undecodable returns why the spec of an object that was read from the API server does not decode; it is
// empty if it does.
func Undecodable(o metav1.Object) string { return o.GetAnnotations()[annotationUndecodable] }
