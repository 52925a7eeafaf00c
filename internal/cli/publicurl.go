package cli

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"
)

// placeholderURL is printed where the receiver's public URL is unknown.
const placeholderURL = "https://travishook.example.com/travis"

// publicURL returns the receiver's public URL from the operator's settings, or the placeholder if the
// caller may not read them or they do not set it.
func (e *environment) publicURL(ctx context.Context, c client.Client) (url string, known bool) {
	var list corev1.ConfigMapList
	if c == nil {
		return placeholderURL, false
	}
	err := c.List(ctx, &list, client.InNamespace(e.operatorNamespace), client.MatchingLabels{"app.kubernetes.io/name": "travishook"})
	if err != nil {
		return placeholderURL, false
	}
	for i := range list.Items {
		var settings struct {
			Receiver struct{ PublicURL string }
		}
		err := yaml.Unmarshal([]byte(list.Items[i].Data["settings.yaml"]), &settings)
		if err == nil && settings.Receiver.PublicURL != "" {
			return settings.Receiver.PublicURL, true
		}
	}
	return placeholderURL, false
}
