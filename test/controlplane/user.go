package controlplane

import (
	"context"
	"errors"
	"fmt"
	"os"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
)

// User is a user other than the administrator.
type User struct {
	Config     *rest.Config
	Kubeconfig string
}

// AddUser creates a user with exactly the given rights in the whole cluster. The name is also the name of the
// user's ClusterRole and its binding.
func (c *ControlPlane) AddUser(ctx context.Context, name string, rules ...rbacv1.PolicyRule) (*User, error) {
	if err := c.grant(ctx, name, rules); err != nil {
		return nil, fmt.Errorf("add user %s: %w", name, err)
	}
	return c.AddUserInGroups(name)
}

// AddUserInGroups creates a user whose rights come from roles that are already bound to the user's name or to
// one of the groups. The name system:serviceaccount:NAMESPACE:NAME is a service account.
func (c *ControlPlane) AddUserInGroups(name string, groups ...string) (*User, error) {
	added, err := c.env.AddUser(envtest.User{Name: name, Groups: groups}, &rest.Config{
		QPS: c.Config.QPS, Burst: c.Config.Burst,
	})
	if err != nil {
		return nil, fmt.Errorf("add user %s: %w", name, err)
	}
	content, err := added.KubeConfig()
	if err != nil {
		return nil, fmt.Errorf("add user %s: %w", name, err)
	}
	file, err := os.CreateTemp(c.dir, "user-*.kubeconfig") // readable by its owner only
	if err != nil {
		return nil, fmt.Errorf("add user %s: %w", name, err)
	}
	_, err = file.Write(content)
	if err := errors.Join(err, file.Close()); err != nil {
		return nil, fmt.Errorf("add user %s: %w", name, err)
	}
	return &User{Config: added.Config(), Kubeconfig: file.Name()}, nil
}

func (c *ControlPlane) grant(ctx context.Context, name string, rules []rbacv1.PolicyRule) error {
	client, err := kubernetes.NewForConfig(c.Config)
	if err != nil {
		return err
	}
	role := &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: name}, Rules: rules}
	if _, err := client.RbacV1().ClusterRoles().Create(ctx, role, metav1.CreateOptions{}); err != nil {
		return err
	}
	binding := &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: name},
		Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: name}},
	}
	_, err = client.RbacV1().ClusterRoleBindings().Create(ctx, binding, metav1.CreateOptions{})
	return err
}
