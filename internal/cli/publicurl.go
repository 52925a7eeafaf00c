package cli

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"
)

// placeholderURL stands for the receiver's public URL where that is not known.
const placeholderURL = "https://travishook.example.com/travis"

// publicURL is the receiver's, as the operator's settings say. People who may not read those, and
// clusters whose settings do not say, get a placeholder.
func (e *environment) publicURL(ctx context.Context, c client.Client) (url string, known bool) {
	var list corev1.ConfigMapList
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
