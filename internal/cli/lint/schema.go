package lint

import (
	"context"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	structuralschema "k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/defaulting"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/listtype"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/pruning"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	apimachinery "k8s.io/apimachinery/pkg/api/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
	"sigs.k8s.io/yaml"

	"github.com/travishook/travishook/config/crd"
	"github.com/travishook/travishook/internal/suggest"
)

// kind validates objects as the API server does.
type kind struct {
	structural *structuralschema.Structural
	validator  validation.SchemaValidator
	rules      *cel.Validator
}

// fault is an invalid field.
type fault struct {
	field, message string
	unknown        bool // the API server drops the field; the rest may be valid
}

// loadKinds reads the CRDs, by apiVersion and kind.
func loadKinds() (map[string]*kind, error) {
	kinds := map[string]*kind{}
	names, err := fs.Glob(crd.Bases, "bases/*.yaml")
	if err != nil {
		return nil, fmt.Errorf("read the kinds: %w", err)
	}
	for _, name := range names {
		raw, err := crd.Bases.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("read the kinds: %w", err)
		}
		var definition apiextensionsv1.CustomResourceDefinition
		if err := yaml.UnmarshalStrict(raw, &definition); err != nil {
			return nil, fmt.Errorf("read the kinds: %s: %w", name, err)
		}
		for i := range definition.Spec.Versions {
			version := &definition.Spec.Versions[i]
			k, err := newKind(version)
			if err != nil {
				return nil, fmt.Errorf("read the kinds: %s: %w", name, err)
			}
			kinds[definition.Spec.Group+"/"+version.Name+" "+definition.Spec.Names.Kind] = k
		}
	}
	return kinds, nil
}

func newKind(version *apiextensionsv1.CustomResourceDefinitionVersion) (*kind, error) {
	var schema apiextensions.JSONSchemaProps
	if err := apiextensionsv1.Convert_v1_JSONSchemaProps_To_apiextensions_JSONSchemaProps(version.Schema.OpenAPIV3Schema, &schema, nil); err != nil {
		return nil, err
	}
	structural, err := structuralschema.NewStructural(&schema)
	if err != nil {
		return nil, err
	}
	validator, _, err := validation.NewSchemaValidator(&schema)
	if err != nil {
		return nil, err
	}
	return &kind{structural, validator, cel.NewValidator(structural, true, celconfig.PerCallLimit)}, nil
}

// check does what the API server does with a new object: it fills in defaults, reports unknown fields
// and validates the rest with schema and rules.
func (k *kind) check(object map[string]any) []fault {
	unknown := pruning.PruneWithOptions(object, k.structural, true, structuralschema.UnknownFieldPathOptions{TrackUnknownFieldPaths: true})
	defaulting.PruneNonNullableNullsWithoutDefaults(object, k.structural)
	defaulting.Default(object, k.structural)

	var faults []fault
	for _, name := range unknown {
		faults = append(faults, fault{name, fmt.Sprintf("unknown field %s%s", name, k.suggestField(name, object)), true})
	}
	errs := validation.ValidateCustomResource(nil, object, k.validator)
	errs = append(errs, listtype.ValidateListSetsAndMaps(nil, k.structural, object)...)
	if len(errs) == 0 { // the rules rely on the schema
		broken, _ := k.rules.Validate(context.Background(), nil, k.structural, object, nil, celconfig.RuntimeCELCostBudget)
		errs = append(errs, broken...)
	}
	errs = append(errs, checkName(object)...)
	for _, err := range errs {
		faults = append(faults, fault{err.Field, strings.ReplaceAll(err.ErrorBody(), "\n", " "), false})
	}
	return faults
}

// suggestField ends the error about an unknown field with the most similar known one, or with where to
// look.
func (k *kind) suggestField(path string, object map[string]any) string {
	schema := k.structural
	parts := pathPart.FindAllString(path, -1)
	for _, part := range parts[:len(parts)-1] {
		next := schema.Items
		if !strings.HasPrefix(part, "[") {
			child, ok := schema.Properties[part]
			next = &child
			if !ok {
				next = nil
			}
		}
		if next == nil {
			return ""
		}
		schema = next
	}
	name := parts[len(parts)-1]
	if known := slices.Sorted(maps.Keys(schema.Properties)); len(known) > 0 {
		return "; " + suggest.Phrase(name, known, "%s")
	}
	resource, _ := object["kind"].(string)
	return "; see kubectl explain " + strings.ToLower(resource) + ".spec"
}

func checkName(object map[string]any) field.ErrorList {
	metadata, _ := object["metadata"].(map[string]any)
	name, _ := metadata["name"].(string)
	path := field.NewPath("metadata", "name")
	if name == "" {
		return field.ErrorList{field.Required(path, "the name is missing")}
	}
	var errs field.ErrorList
	for _, message := range apimachinery.NameIsDNSSubdomain(name, false) {
		errs = append(errs, field.Invalid(path, name, message))
	}
	return errs
}
