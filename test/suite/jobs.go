package suite

import (
	"context"
	"os/exec"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes"

	"github.com/travishook/travishook/test/controlplane"
)

// RunJobs replaces the Job controller and the kubelet for the Jobs of a namespace until the node that calls
// it ends: it runs binary once with the arguments and the service account of each Job, and writes its result.
func RunJobs(ctx context.Context, plane *controlplane.ControlPlane, namespace, binary string) {
	GinkgoHelper()
	client, err := kubernetes.NewForConfig(plane.Config)
	Expect(err).NotTo(HaveOccurred())
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	jobs, err := client.BatchV1().Jobs(namespace).Watch(ctx, metav1.ListOptions{})
	Expect(err).NotTo(HaveOccurred())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for event := range jobs.ResultChan() {
			if job, ok := event.Object.(*batchv1.Job); ok && event.Type == watch.Added {
				runJob(ctx, plane, client, job, binary)
			}
		}
	}()
	DeferCleanup(func() {
		jobs.Stop()
		cancel()
		<-ended
	})
}

func runJob(ctx context.Context, plane *controlplane.ControlPlane, client kubernetes.Interface, job *batchv1.Job, binary string) {
	defer GinkgoRecover()
	spec := job.Spec.Template.Spec
	account, err := plane.AddUserInGroups("system:serviceaccount:"+job.Namespace+":"+spec.ServiceAccountName,
		"system:serviceaccounts", "system:serviceaccounts:"+job.Namespace, "system:authenticated")
	Expect(err).NotTo(HaveOccurred())
	begin := metav1.NewTime(time.Now().Truncate(time.Second))
	out, err := exec.CommandContext(ctx, binary, append(spec.Containers[0].Args, "--kubeconfig", account.Kubeconfig)...).CombinedOutput()
	GinkgoWriter.Printf("Job %s: %v\n%s", job.Name, err, out)

	now := metav1.NewTime(time.Now().Truncate(time.Second))
	result := batchv1.JobStatus{StartTime: &begin, Failed: 1}
	met, final := batchv1.JobFailureTarget, batchv1.JobFailed
	if err == nil {
		result = batchv1.JobStatus{StartTime: &begin, Succeeded: 1, CompletionTime: &now}
		met, final = batchv1.JobSuccessCriteriaMet, batchv1.JobComplete
	}
	condition := func(kind batchv1.JobConditionType) batchv1.JobCondition {
		return batchv1.JobCondition{Type: kind, Status: corev1.ConditionTrue, LastTransitionTime: now, LastProbeTime: now, Message: string(out)}
	}
	jobs := client.BatchV1().Jobs(job.Namespace)
	result.Conditions = []batchv1.JobCondition{condition(met), condition(final)}
	job.Status = result
	_, err = jobs.UpdateStatus(ctx, job, metav1.UpdateOptions{})
	if apierrors.IsInvalid(err) {
		// Before Kubernetes 1.31 the Job controller writes the final condition alone, and the API server refuses both.
		job.Status.Conditions = []batchv1.JobCondition{condition(final)}
		_, err = jobs.UpdateStatus(ctx, job, metav1.UpdateOptions{})
	}
	if !apierrors.IsNotFound(err) && !apierrors.IsConflict(err) { // a spec may have deleted it, even meanwhile
		Expect(err).NotTo(HaveOccurred())
	}
}
