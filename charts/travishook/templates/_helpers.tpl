{{- define "travishook.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "travishook.fullname" -}}
{{- $name := include "travishook.name" . }}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" }}
{{- else if contains $name .Release.Name }}
{{- .Release.Name | trunc 52 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name $name | trunc 52 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "travishook.selector" -}}
app.kubernetes.io/name: {{ include "travishook.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "travishook.labels" -}}
{{ include "travishook.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "travishook.serviceAccount" -}}
{{- .Values.serviceAccount.name | default (include "travishook.fullname" .) }}
{{- end }}

{{- define "travishook.image" -}}
{{- with .Values.image }}
{{- if .digest }}{{ .repository }}@{{ .digest }}{{ else }}{{ .repository }}:{{ .tag | default $.Chart.AppVersion }}{{ end }}
{{- end }}
{{- end }}

{{/* The settings file. */}}
{{- define "travishook.settings" -}}
{{- $settings := dict "apiVersion" "settings.travishook.dev/v1alpha1" "kind" "Settings" }}
{{- with .Values.namespaces }}{{ $_ := set $settings "namespaces" . }}{{ end }}
{{- with include "travishook.receiverSettings" . | fromYaml }}{{ $_ := set $settings "receiver" . }}{{ end }}
{{- with include "travishook.natsFiles" . | fromYaml }}{{ $_ := set $settings "store" (dict "external" .) }}{{ end }}
{{- with include "travishook.outboundSettings" . | fromYaml }}{{ $_ := set $settings "outbound" . }}{{ end }}
{{- if not .Values.api.enabled }}{{ $_ := set $settings "api" (dict "address" "") }}{{ end }}
{{- mergeOverwrite $settings (deepCopy .Values.config) | toYaml }}
{{- end }}

{{/* The rules of one kind, ClusterRole or Role, in the file that controller-gen wrote. */}}
{{- define "travishook.rules" -}}
{{- $kind := .kind }}
{{- range splitList "---\n" (.root.Files.Get "files/role.yaml") }}
{{- $doc := fromYaml . }}
{{- if eq (get $doc "kind") $kind }}
{{- toYaml $doc.rules }}
{{- end }}
{{- end }}
{{- end }}
