{{- define "gvList" -}}
{{- range . -}}
# API reference: {{ .GroupVersionString }}

Generated from `api/` by `make generate`; `kubectl explain travisroute.spec` shows the same.
Besides what is listed here, the API server checks rules whose messages say what to do.
{{ range .SortedKinds }}
- [{{ . }}](#{{ . | lower }})
{{- end }}
{{ range .SortedTypes }}{{ if .GVK }}{{ template "type" . }}{{ end }}{{ end }}
{{- range .SortedTypes }}{{ if not .GVK }}{{ template "type" . }}{{ end }}{{ end }}
{{- end }}
{{- end -}}
