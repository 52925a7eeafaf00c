package install_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/travishook/travishook/internal/travis/travistest"
	"github.com/travishook/travishook/test/chart/pod"
	"github.com/travishook/travishook/test/controlplane"
	"github.com/travishook/travishook/test/operator"
)

// patience limits each wait for something that takes a second or two on a quiet machine.
const patience = 90 * time.Second

// kubelet replaces the kubelet: it writes a pod's files below a folder instead of the root, and starts its
// program.
type kubelet struct {
	account *controlplane.User
}

func newKubelet(ctx context.Context) *kubelet {
	GinkgoHelper()
	account, err := plane.AddUserInGroups("system:serviceaccount:"+namespace+":travishook",
		"system:serviceaccounts", "system:serviceaccounts:"+namespace, "system:authenticated")
	Expect(err).NotTo(HaveOccurred())
	keys := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "keys"}, Data: map[string]string{"test": travistest.PEM(travistest.Key())}}
	_, err = client.CoreV1().ConfigMaps(namespace).Create(ctx, keys, metav1.CreateOptions{})
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(func(ctx context.Context) error {
		return client.CoreV1().ConfigMaps(namespace).Delete(ctx, keys.Name, metav1.DeleteOptions{})
	})
	return &kubelet{account}
}

// run starts the installed pod, and ends it with the spec. It adapts the settings to this machine: the root,
// the ports and the signing key.
func (k *kubelet) run(ctx context.Context) *operator.Process {
	GinkgoHelper()
	root := GinkgoT().TempDir()
	spec := podTemplate(ctx).Spec
	for path, from := range pod.Files(spec) {
		place(ctx, filepath.Join(root, path), strings.HasSuffix(path, "/"), from)
	}
	flag, isSettings := strings.CutPrefix(spec.Containers[0].Args[0], "--settings=")
	Expect(isSettings).To(BeTrue(), "the pod's arguments are %v", spec.Containers[0].Args)
	path := filepath.Join(root, flag)
	text, err := os.ReadFile(path)
	Expect(err).NotTo(HaveOccurred(), "the file that the pod's argument names")
	Expect(os.WriteFile(path, onThisMachine(text, root), 0o600)).To(Succeed())

	starting, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	p, err := operator.Start(starting, binary, "--settings", path, "--kubeconfig", k.account.Kubeconfig, "--namespace", namespace)
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(func() {
		if CurrentSpecReport().Failed() {
			AddReportEntry("operator's log", p.Log())
		}
		Expect(p.Stop()).To(Succeed())
	})
	return p
}

// place writes a file, or the files of a folder, as the kubelet mounts them.
func place(ctx context.Context, path string, folder bool, from pod.Source) {
	GinkgoHelper()
	data := map[string][]byte{}
	switch from.Kind {
	case "ConfigMap":
		object, err := client.CoreV1().ConfigMaps(namespace).Get(ctx, from.Name, metav1.GetOptions{})
		Expect(err).NotTo(HaveOccurred())
		for key, value := range object.Data {
			data[key] = []byte(value)
		}
	case "Secret":
		object, err := client.CoreV1().Secrets(namespace).Get(ctx, from.Name, metav1.GetOptions{})
		Expect(err).NotTo(HaveOccurred())
		data = object.Data
	}
	if folder {
		for key := range data {
			place(ctx, filepath.Join(path, key), false, pod.Source{Kind: from.Kind, Name: from.Name, Key: key})
		}
		return
	}
	Expect(data).To(HaveKey(from.Key), "%s", from)
	Expect(os.MkdirAll(filepath.Dir(path), 0o700)).To(Succeed())
	Expect(os.WriteFile(path, data[from.Key], 0o600)).To(Succeed())
}

// onThisMachine returns settings with their paths below root, and with free ports.
func onThisMachine(text []byte, root string) []byte {
	GinkgoHelper()
	var s map[string]any
	Expect(yaml.Unmarshal(text, &s)).To(Succeed())
	for _, part := range []string{"receiver", "api", "probes", "metrics"} {
		add(s, part, "address", "127.0.0.1:0")
	}
	add(s, "receiver", "linger", "0s")
	add(s, "store", "directory", "/var/lib/travishook")
	s["trust"] = map[string]any{"keys": []any{map[string]any{"name": "test", "configMap": map[string]any{"name": "keys", "key": "test"}}}}
	move(s, root)
	moved, err := yaml.Marshal(s)
	Expect(err).NotTo(HaveOccurred())
	return moved
}

// add sets a setting in a part of the settings that may not exist yet.
func add(s map[string]any, part, setting, value string) {
	if s[part] == nil {
		s[part] = map[string]any{}
	}
	s[part].(map[string]any)[setting] = value
}

// move moves the settings that are paths of files and folders below root.
func move(s map[string]any, root string) {
	for key, value := range s {
		switch v := value.(type) {
		case map[string]any:
			move(v, root)
		case string:
			if strings.HasSuffix(key, "File") || key == "directory" {
				s[key] = filepath.Join(root, v)
			}
		}
	}
}

// put creates a Secret that is deleted after the spec.
func put(ctx context.Context, name string, kind corev1.SecretType, data map[string][]byte) {
	GinkgoHelper()
	object := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: name}, Type: kind, Data: data}
	_, err := client.CoreV1().Secrets(namespace).Create(ctx, object, metav1.CreateOptions{})
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(func(ctx context.Context) error {
		return client.CoreV1().Secrets(namespace).Delete(ctx, name, metav1.DeleteOptions{})
	})
}
