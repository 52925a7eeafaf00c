// Package pod reads the chart's render as a kubelet would: the workload, and the files of its container.
package pod

import (
	"fmt"
	"path"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"
)

// Source is a value in a Secret or a ConfigMap.
type Source struct {
	Kind, Name string
	// Key is empty if the volume has all of the object's keys.
	Key string
}

// String returns kind name/key.
func (s Source) String() string { return fmt.Sprintf("%s %s/%s", s.Kind, s.Name, s.Key) }

// Objects are the manifests of a kind in a render, as T.
func Objects[T any](render, kind string) ([]T, error) {
	var found []T
	for manifest := range strings.SplitSeq(render, "\n---\n") {
		var is metav1.TypeMeta
		if err := yaml.Unmarshal([]byte(manifest), &is); err != nil {
			return nil, fmt.Errorf("read render: %w", err)
		}
		if is.Kind != kind {
			continue
		}
		var object T
		if err := yaml.UnmarshalStrict([]byte(manifest), &object); err != nil {
			return nil, fmt.Errorf("read %s: %w", kind, err)
		}
		found = append(found, object)
	}
	return found, nil
}

// Template returns the pod template of the only Deployment in a render.
func Template(render string) (corev1.PodTemplateSpec, error) {
	deployments, err := Objects[appsv1.Deployment](render, "Deployment")
	if err != nil {
		return corev1.PodTemplateSpec{}, err
	}
	if len(deployments) != 1 {
		return corev1.PodTemplateSpec{}, fmt.Errorf("there are %d Deployments", len(deployments))
	}
	return deployments[0].Spec.Template, nil
}

// Files returns the sources of the container's files, by path. The path of a folder with all of an object's
// keys ends in a slash.
func Files(spec corev1.PodSpec) map[string]Source {
	files := map[string]Source{}
	for _, mount := range spec.Containers[0].VolumeMounts {
		for _, volume := range spec.Volumes {
			if volume.Name == mount.Name {
				addVolume(files, mount.MountPath, volume.VolumeSource)
			}
		}
	}
	return files
}

func addVolume(files map[string]Source, folder string, v corev1.VolumeSource) {
	if v.ConfigMap != nil {
		addItems(files, folder, Source{Kind: "ConfigMap", Name: v.ConfigMap.Name}, v.ConfigMap.Items)
	}
	if v.Secret != nil {
		addItems(files, folder, Source{Kind: "Secret", Name: v.Secret.SecretName}, v.Secret.Items)
	}
	if v.Projected != nil {
		for _, s := range v.Projected.Sources {
			addItems(files, folder, Source{Kind: "Secret", Name: s.Secret.Name}, s.Secret.Items)
		}
	}
}

func addItems(files map[string]Source, folder string, from Source, items []corev1.KeyToPath) {
	if len(items) == 0 {
		files[folder+"/"] = from
	}
	for _, item := range items {
		from.Key = item.Key
		files[path.Join(folder, item.Path)] = from
	}
}
