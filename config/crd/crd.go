// Package crd holds the generated CustomResourceDefinitions, for what checks manifests without a
// cluster.
package crd

import "embed"

// Bases has one definition in each file below bases.
//
//go:embed bases/*.yaml
var Bases embed.FS
