{{- define "travishook.authoritiesFolder" -}}
/var/run/travishook/authorities
{{- end }}

{{/* The setting that names the mounted authorities. */}}
{{- define "travishook.outboundSettings" -}}
{{- with .Values.trustBundle }}
{{- if and .configMap .secretName }}
{{- fail "trustBundle: set configMap or secretName, not both" }}
{{- end }}
{{- if or .configMap .secretName }}
{{- if hasKey (dig "outbound" dict $.Values.config) "caFile" }}
{{- fail "config.outbound.caFile: trustBundle sets it to the mounted file; remove one of them" }}
{{- end }}
caFile: {{ include "travishook.authoritiesFolder" $ }}/ca.crt
{{- end }}
{{- end }}
{{- end }}

{{/* The volume with the authorities. */}}
{{- define "travishook.authoritiesVolume" -}}
{{- with .Values.trustBundle }}
{{- if .configMap -}}
- name: authorities
  configMap:
    name: {{ .configMap }}
    items: [{key: {{ .key }}, path: ca.crt}]
{{- else if .secretName -}}
- name: authorities
  secret:
    secretName: {{ .secretName }}
    defaultMode: 0440
    items: [{key: {{ .key }}, path: ca.crt}]
{{- end }}
{{- end }}
{{- end }}
