package server

import (
	"context"
	"fmt"

	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	authenticationv1client "k8s.io/client-go/kubernetes/typed/authentication/v1"
	authorizationv1client "k8s.io/client-go/kubernetes/typed/authorization/v1"

	"github.com/travishook/travishook/api/v1alpha1"
)

// Reviews is a Cluster that asks a real API server.
type Reviews struct {
	Tokens authenticationv1client.TokenReviewsGetter
	Access authorizationv1client.SubjectAccessReviewsGetter
}

// Who makes a TokenReview.
func (r Reviews) Who(ctx context.Context, token string) (authenticationv1.UserInfo, error) {
	review, err := r.Tokens.TokenReviews().Create(ctx,
		&authenticationv1.TokenReview{Spec: authenticationv1.TokenReviewSpec{Token: token}}, metav1.CreateOptions{})
	switch {
	case err != nil:
		return authenticationv1.UserInfo{}, fmt.Errorf("review token: %w", err)
	case !review.Status.Authenticated || review.Status.User.Username == "":
		return authenticationv1.UserInfo{}, ErrNobody
	}
	return review.Status.User, nil
}

// May makes a SubjectAccessReview.
func (r Reviews) May(ctx context.Context, user authenticationv1.UserInfo, verb, namespace, route string) (bool, error) {
	extra := make(map[string]authorizationv1.ExtraValue, len(user.Extra))
	for k, v := range user.Extra {
		extra[k] = authorizationv1.ExtraValue(v)
	}
	review, err := r.Access.SubjectAccessReviews().Create(ctx, &authorizationv1.SubjectAccessReview{
		Spec: authorizationv1.SubjectAccessReviewSpec{
			User: user.Username, UID: user.UID, Groups: user.Groups, Extra: extra,
			ResourceAttributes: &authorizationv1.ResourceAttributes{
				Group: v1alpha1.GroupVersion.Group, Version: v1alpha1.GroupVersion.Version, Resource: "travisroutes",
				Verb: verb, Namespace: namespace, Name: route,
			},
		},
	}, metav1.CreateOptions{})
	if err != nil {
		return false, fmt.Errorf("review access: %w", err)
	}
	return review.Status.Allowed && !review.Status.Denied, nil
}
