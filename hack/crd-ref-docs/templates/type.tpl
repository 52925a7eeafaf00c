{{- define "type" }}
{{- if markdownShouldRenderType . }}

## {{ .Name }}

{{ .Doc }}
{{- if .IsAlias }} A {{ markdownRenderTypeLink .UnderlyingType }}.{{ end }}
{{- with .References }}

In:
{{- range $i, $t := $.SortedReferences }}{{ if $i }},{{ end }} {{ markdownRenderTypeLink $t }}{{ end }}
{{- end }}
{{- if .Members }}

| field | type | what it is | limits |
|---|---|---|---|
{{- range .Members }}
| `{{ .Name }}` | {{ markdownRenderType .Type }} | {{ template "description" . }} | {{ template "limits" . }} |
{{- end }}
{{- end }}
{{- if .EnumValues }}

| value | meaning |
|---|---|
{{- range .EnumValues }}
| `{{ .Name }}` | {{ markdownRenderFieldDoc (trim .Doc) }} |
{{- end }}
{{- else }}
{{- range .Validation }}

{{ . }}
{{- end }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "description" }}
{{- if eq .Name "metadata" }}as in every Kubernetes object{{ else }}{{ markdownRenderFieldDoc .Doc }}{{ end }}
{{- end -}}

{{- define "limits" }}
{{- range .Validation }}
{{- if eq . "Required: {}" }}required. {{ else if ne . "Optional: {}" }}{{ markdownRenderFieldDoc . }}. {{ end }}
{{- end }}
{{- with .Default }}default {{ markdownRenderDefault . }}{{ end }}
{{- end -}}
