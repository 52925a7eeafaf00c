// Package cel tests each rule of the API's schema on a real API server, with accepted and refused objects and
// the error messages.
package cel

import (
	"fmt"
	"testing"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/travishook/travishook/api/v1alpha1"
	"github.com/travishook/travishook/test/controlplane"
	"github.com/travishook/travishook/test/suite"
)

func TestCEL(t *testing.T) {
	suite.Run(t, "Rules of the API")
}

var (
	plane *controlplane.ControlPlane
	api   client.Client
	space string // a namespace for each spec
)

var _ = BeforeSuite(func(ctx SpecContext) {
	var err error
	plane, err = controlplane.Start(ctx)
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(plane.Stop)

	scheme := runtime.NewScheme()
	Expect(clientgoscheme.AddToScheme(scheme)).To(Succeed())
	Expect(v1alpha1.AddToScheme(scheme)).To(Succeed())
	api, err = client.New(plane.Config, client.Options{Scheme: scheme})
	Expect(err).NotTo(HaveOccurred())
})

var _ = BeforeEach(func(ctx SpecContext) {
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "cel-"}}
	Expect(api.Create(ctx, ns)).To(Succeed())
	space = ns.Name
})

// object reads one from YAML, into the spec's namespace.
func object(text string) *unstructured.Unstructured {
	GinkgoHelper()
	o := &unstructured.Unstructured{}
	Expect(yaml.Unmarshal([]byte(text), &o.Object)).To(Succeed(), "%s", text)
	o.SetNamespace(space)
	return o
}

// route is a TravisRoute with the fields of its spec as YAML in braces.
func route(spec string) *unstructured.Unstructured {
	GinkgoHelper()
	return object(fmt.Sprintf("{apiVersion: travishook.dev/v1alpha1, kind: TravisRoute, metadata: {name: example}, spec: %s}", spec))
}

// defaults is a TravisDefaults, likewise.
func defaults(spec string) *unstructured.Unstructured {
	GinkgoHelper()
	return object(fmt.Sprintf("{apiVersion: travishook.dev/v1alpha1, kind: TravisDefaults, metadata: {name: default}, spec: %s}", spec))
}

// accepted creates o and reads it back into the Go type, as the operator will.
func accepted(ctx SpecContext, o *unstructured.Unstructured) client.Object {
	GinkgoHelper()
	Expect(api.Create(ctx, o, client.FieldValidation(metav1.FieldValidationStrict))).To(Succeed())
	var typed client.Object = &v1alpha1.TravisRoute{}
	if o.GetKind() == "TravisDefaults" {
		typed = &v1alpha1.TravisDefaults{}
	}
	Expect(api.Get(ctx, client.ObjectKeyFromObject(o), typed)).To(Succeed())
	return typed
}

// refused tries to create o and expects an error that says why.
func refused(ctx SpecContext, o *unstructured.Unstructured, says string) {
	GinkgoHelper()
	Expect(api.Create(ctx, o)).To(MatchError(ContainSubstring(says)))
}
