package v1alpha1

// RepositoryIDSource is the source of a repository's id.
//
// +kubebuilder:validation:Enum=Spec;TravisAPI;CompareURL;FirstEvent
type RepositoryIDSource string

// RepositoryIdentity is the repository that the name in a spec refers to.
type RepositoryIdentity struct {
	// id is Travis' id of the repository. Builds of another repository with the same name are rejected.
	//
	// +required
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=9007199254740991
	ID int64 `json:"id"`

	// source is the source of the id: Spec (spec.repositoryID of a route in the namespace), TravisAPI (Travis'
	// API), CompareURL (the host of the compare_url that Travis signed), or FirstEvent (the first verified
	// event).
	//
	// +required
	Source RepositoryIDSource `json:"source"`
}
