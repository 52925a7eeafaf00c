package main

import "fmt"

const description = `travishook sends Travis CI build results to chat. Teams declare in a TravisRoute which builds are
announced in which channels. Travis posts its webhooks to the operator, which verifies them, stores them, and delivers a
message to every matching channel, retrying while a channel is down.

Before you subscribe, create a PersistentVolumeClaim named travishook-store of 2 GiB in the namespace of the
Subscription: it holds accepted events until they are delivered. Then route a host that Travis can reach to the Service
travishook, and create a TravisDefaults named default with the accounts in the same namespace.

The documentation is at https://github.com/travishook/travishook/tree/main/docs.`

// icon is an SVG of a green disk with a speech balloon.
const icon = "PHN2ZyB4bWxucz0iaHR0cDovL3d3dy53My5vcmcvMjAwMC9zdmciIHZpZXdCb3g9IjAgMCA2NCA2NCI+PGNpcmNsZSBjeD0iMzIiIGN5PSIzMiIgcj0iMzAiIGZpbGw9IiMzOWFhNTYiLz48cGF0aCBkPSJNMTggMjBoMjh2MThIMzJsLTggOHYtOGgtNnoiIGZpbGw9IiNmZmYiLz48L3N2Zz4="

// serviceVersion returns the ClusterServiceVersion.
func serviceVersion(objects []object, version, created string) (object, error) {
	cluster, err := rules(objects, "ClusterRole", "travishook", "travishook-api")
	if err != nil {
		return nil, err
	}
	own, err := rules(objects, "Role", "travishook")
	if err != nil {
		return nil, err
	}
	install, err := deployment(objects)
	if err != nil {
		return nil, err
	}
	shown, err := examples()
	if err != nil {
		return nil, fmt.Errorf("examples: %w", err)
	}
	return object{
		"apiVersion": "operators.coreos.com/v1alpha1",
		"kind":       "ClusterServiceVersion",
		"metadata": object{"name": "travishook.v" + version, "annotations": object{
			"alm-examples":   shown,
			"capabilities":   "Basic Install",
			"categories":     "Integration & Delivery",
			"containerImage": "ghcr.io/travishook/travishook:" + version,
			"createdAt":      created,
			"description":    "Sends Travis CI build results to chat",
			"repository":     "https://github.com/travishook/travishook",
			"support":        "https://github.com/travishook/travishook/issues",
		}},
		"spec": object{
			"displayName": "travishook", "description": description, "version": version,
			"maturity": "alpha", "minKubeVersion": "1.30.0",
			"keywords": []any{"travis-ci", "chatops", "webhook"},
			"provider": object{"name": "travishook", "url": "https://github.com/travishook/travishook"},
			"links":    []any{object{"name": "Documentation", "url": "https://github.com/travishook/travishook/tree/main/docs"}},
			"icon":     []any{object{"base64data": icon, "mediatype": "image/svg+xml"}},
			"installModes": []any{
				object{"type": "OwnNamespace", "supported": false}, object{"type": "SingleNamespace", "supported": false},
				object{"type": "MultiNamespace", "supported": false}, object{"type": "AllNamespaces", "supported": true},
			},
			"customresourcedefinitions": object{"owned": owned(objects)},
			"install": object{"strategy": "deployment", "spec": object{
				"clusterPermissions": []any{object{"serviceAccountName": "travishook", "rules": append(cluster, delegation...)}},
				"permissions":        []any{object{"serviceAccountName": "travishook", "rules": own}},
				"deployments":        []any{install},
			}},
		},
	}, nil
}

// owned lists the CRDs.
func owned(objects []object) []any {
	var all []any
	for _, o := range objects {
		if o.kind() != "CustomResourceDefinition" {
			continue
		}
		for _, version := range o.at("spec")["versions"].([]any) {
			v := object(version.(map[string]any))
			kind := o.at("spec", "names")["kind"]
			all = append(all, object{"name": o.name(), "kind": kind, "displayName": kind, "version": v["name"],
				"description": v.at("schema", "openAPIV3Schema")["description"]})
		}
	}
	return all
}
