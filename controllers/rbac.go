package controllers

// The operator's permissions, as few as possible. config/rbac is generated from these markers.
//
// Cached objects are listed and watched, never read one by one. Only of Secrets that lack their label the
// metadata is read, by name or in a namespace where a token is missing. ConfigMaps are read by the name that a
// TravisDefaults has in peopleFrom, and never listed.
//
// The whole cluster, or the namespaces of the settings:
// +kubebuilder:rbac:groups=travishook.dev,resources=travisroutes;travisdefaults,verbs=list;watch
// +kubebuilder:rbac:groups=travishook.dev,resources=travisroutes/status;travisdefaults/status,verbs=patch
// +kubebuilder:rbac:groups="",resources=secrets,verbs=get;list;watch
// +kubebuilder:rbac:groups="",resources=configmaps,verbs=get
// +kubebuilder:rbac:groups="",resources=namespaces,verbs=list;watch
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch
//
// Its own namespace only:
// +kubebuilder:rbac:groups="",resources=configmaps,namespace=travishook-system,verbs=list;watch
// +kubebuilder:rbac:groups=coordination.k8s.io,resources=leases,namespace=travishook-system,verbs=create
// +kubebuilder:rbac:groups=coordination.k8s.io,resources=leases,resourceNames=travishook-status,namespace=travishook-system,verbs=get;update
