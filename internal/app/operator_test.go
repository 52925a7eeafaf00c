package app

import (
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/travishook/travishook/internal/settings"
	"github.com/travishook/travishook/internal/travis/travistest"
	"github.com/travishook/travishook/test/controlplane"
)

// Nothing of an operator is global to the process, so two can run in one, and each says where it listens.
func TestTwoOperatorsInOneProcess(t *testing.T) {
	plane, err := controlplane.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := plane.Stop(); err != nil {
			t.Error(err)
		}
	}()
	client := kubernetes.NewForConfigOrDie(plane.Config)
	for _, namespace := range []string{"first", "second"} {
		ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}
		if _, err := client.CoreV1().Namespaces().Create(t.Context(), ns, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
	}

	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 2)
	var locks []string
	for _, namespace := range []string{"first", "second"} {
		s := settings.Default()
		s.Receiver.Address, s.Receiver.Linger = "127.0.0.1:0", 0
		s.API.Address, s.Probes.Address, s.Metrics.Address = "127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:0"
		s.Store.Directory = filepath.Join(t.TempDir(), "store")
		locks = append(locks, filepath.Join(s.Store.Directory, "lock"))
		s.Namespaces = []string{namespace}
		s.Trust.Keys = []settings.Key{{Name: "test", PEM: travistest.PEM(travistest.Key())}}
		o, err := New(ctx, plane.Config, namespace, s, logr.Discard())
		if err != nil {
			t.Fatal(err)
		}
		go func() { ended <- o.Run(ctx) }()
		at := o.Addresses()
		if at.API == "" {
			t.Error("the API has no address")
		}
		if _, answer := get(t, "http://"+at.Probes+"/healthz"); answer != "ok" {
			t.Errorf("/healthz answers %q", answer)
		}
		if _, answer := get(t, "http://"+at.Metrics+"/metrics"); !strings.Contains(answer, "travishook_store_ready") {
			t.Errorf("/metrics lacks the operator's own: %.200s", answer)
		}
		if code, _ := get(t, "http://"+at.Receiver+"/elsewhere"); code != http.StatusNotFound {
			t.Errorf("the receiver answers %d", code)
		}
	}
	stop()
	for range 2 {
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
	for _, lock := range locks {
		if content, err := os.ReadFile(lock); err != nil || string(content) != "stopping\n" {
			t.Errorf("a process that waits for the store does not learn that this one stops: %q %v", content, err)
		}
	}
}

// get needs no retries: the ports are taken before Run, so a request waits until the server starts.
func get(t *testing.T, url string) (code int, body string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(text)
}
