{{/* "true" if the store is in a NATS cluster, which several replicas share. */}}
{{- define "travishook.external" -}}
{{- if kindIs "map" (dig "store" "external" "" .Values.config) }}true{{ end }}
{{- end }}

{{- define "travishook.replicas" -}}
{{- if include "travishook.external" . }}
{{- .Values.replicas | default 3 }}
{{- else if gt (int .Values.replicas) 1 }}
{{- fail (printf "replicas: %v operators cannot share the embedded store; set config.store.external to an existing NATS cluster, or remove replicas" .Values.replicas) }}
{{- else }}1
{{- end }}
{{- end }}

{{- define "travishook.natsFolder" -}}
/var/run/travishook/nats
{{- end }}

{{/* The part of store.external that names the files mounted for the NATS cluster. */}}
{{- define "travishook.natsFiles" -}}
{{- $folder := include "travishook.natsFolder" . }}
{{- $files := dict }}
{{- with .Values.store.external }}
{{- if .credentials.secretName }}{{ $_ := set $files "credentialsFile" (print $folder "/user.creds") }}{{ end }}
{{- if .ca.secretName }}{{ $_ := set $files "caFile" (print $folder "/ca.crt") }}{{ end }}
{{- if .tls.secretName }}{{ $_ := set $files "tls" (dict "certFile" (print $folder "/tls.crt") "keyFile" (print $folder "/tls.key")) }}{{ end }}
{{- end }}
{{- $external := dig "store" "external" "" .Values.config }}
{{- range $setting, $_ := $files }}
{{- $value := get (dict "credentialsFile" "credentials" "caFile" "ca" "tls" "tls") $setting }}
{{- if not $external }}
{{- fail (printf "store.external.%s: it needs a NATS cluster: set config.store.external.url, or remove it" $value) }}
{{- else if hasKey $external $setting }}
{{- fail (printf "config.store.external.%s: store.external.%s sets it to the mounted file; remove one of them" $setting $value) }}
{{- end }}
{{- end }}
{{- $files | toYaml }}
{{- end }}

{{/* The volume with these files. */}}
{{- define "travishook.natsVolume" -}}
{{- with .Values.store.external }}
{{- if or .credentials.secretName .ca.secretName .tls.secretName -}}
- name: nats
  projected:
    defaultMode: 0440
    sources:
    {{- if .credentials.secretName }}
    - secret:
        name: {{ .credentials.secretName }}
        items: [{key: {{ .credentials.key }}, path: user.creds}]
    {{- end }}
    {{- if .ca.secretName }}
    - secret:
        name: {{ .ca.secretName }}
        items: [{key: {{ .ca.key }}, path: ca.crt}]
    {{- end }}
    {{- if .tls.secretName }}
    - secret:
        name: {{ .tls.secretName }}
        items: [{key: {{ .tls.cert }}, path: tls.crt}, {key: {{ .tls.key }}, path: tls.key}]
    {{- end }}
{{- end }}
{{- end }}
{{- end }}

{{/* The claim of the embedded store. */}}
{{- define "travishook.claim" -}}
{{- .Values.store.existingClaim | default (print (include "travishook.fullname" .) "-store") }}
{{- end }}

{{/* The API server refuses a changed claim without saying what to do. */}}
{{- define "travishook.validateVolume" -}}
{{- $name := include "travishook.claim" . }}
{{- with lookup "v1" "PersistentVolumeClaim" .Release.Namespace $name }}
{{- $size := .spec.resources.requests.storage }}
{{- $class := .spec.storageClassName | default "" }}
{{- $has := include "travishook.bytes" $size }}
{{- $wanted := include "travishook.bytes" $.Values.store.size }}
{{- $page := "(docs/operations/upgrade.md, Growing the volume)" }}
{{- if and $.Values.store.storageClassName (ne $class $.Values.store.storageClassName) }}
{{- fail (printf "store.storageClassName: the volume has the class %q, and a claim cannot change it to %q: keep it, or move the store to a claim of the other class with store.existingClaim %s" $class $.Values.store.storageClassName $page) }}
{{- else if gt (float64 $wanted) (float64 $has) }}
{{- with and (include "travishook.clusterWide" $) (lookup "storage.k8s.io/v1" "StorageClass" "" $class) }}
{{- if not .allowVolumeExpansion }}
{{- fail (printf "store.size: the claim %s has %s, and its StorageClass %q does not let it grow to %s: set store.size to %s, or use a larger claim with store.existingClaim %s" $name $size $class $.Values.store.size $size $page) }}
{{- end }}
{{- end }}
{{- if ne "Bound" (dig "status" "phase" "" .) }}
{{- fail (printf "store.size: the claim %s has no volume yet, and only a bound claim can grow to %s: keep %s until the pod has started once, or delete the claim, which is empty" $name $.Values.store.size $size) }}
{{- end }}
{{- else if lt (float64 $wanted) (float64 $has) }}
{{- fail (printf "store.size: the claim %s has %s, and a claim cannot shrink to %s: set store.size to %s, or use a smaller claim with store.existingClaim %s" $name $size $.Values.store.size $size $page) }}
{{- end }}
{{- end }}
{{- end }}

{{/* "true" if the installation has cluster-wide objects. lookup returns nothing without a cluster, and fails without the
permission to read classes, which is cluster-wide. So it is left out in an installation that needs no such permissions. */}}
{{- define "travishook.clusterWide" -}}
{{- if or (not .Values.namespaces) .Values.crds.upgrade .Values.api.enabled .Values.aggregateRoles }}true{{ end }}
{{- end }}

{{/* Without a class, the volume and the pod would stay Pending, and Helm would not say why. */}}
{{- define "travishook.validateClass" -}}
{{- $claim := include "travishook.claim" . }}
{{- if and (include "travishook.clusterWide" .) (not .Values.store.existingClaim) (not (lookup "v1" "PersistentVolumeClaim" .Release.Namespace $claim)) }}
{{- with lookup "storage.k8s.io/v1" "StorageClass" "" "" }}
{{- $wanted := $.Values.store.storageClassName }}
{{- $names := list }}
{{- $found := false }}
{{- range .items }}
{{- $names = append $names .metadata.name }}
{{- $annotations := .metadata.annotations | default dict }}
{{- $default := or (eq "true" (get $annotations "storageclass.kubernetes.io/is-default-class")) (eq "true" (get $annotations "storageclass.beta.kubernetes.io/is-default-class")) }}
{{- if ternary (eq .metadata.name $wanted) $default (not (empty $wanted)) }}{{ $found = true }}{{ end }}
{{- end }}
{{- if not $found }}
{{- /* A volume that an administrator created needs no class. */}}
{{- range (lookup "v1" "PersistentVolume" "" "").items }}
{{- $for := .spec.claimRef | default (dict "namespace" $.Release.Namespace "name" $claim) }}
{{- $free := and (eq $for.namespace $.Release.Namespace) (eq $for.name $claim) (not (has (dig "status" "phase" "" .) (list "Released" "Failed"))) }}
{{- if and $free (eq (dig "spec" "storageClassName" "" .) $wanted) }}{{ $found = true }}{{ end }}
{{- end }}
{{- end }}
{{- if not $found }}
{{- $lacks := "default StorageClass and no free volume without a class" }}
{{- with $wanted }}{{ $lacks = printf "StorageClass %q and no free volume of that class" . }}{{ end }}
{{- $remedy := "install a storage provisioner" }}
{{- with $names }}{{ $remedy = printf "set it to one of %s" (join ", " (sortAlpha .)) }}{{ end }}
{{- fail (printf "store.storageClassName: the cluster has no %s, so the pod would stay Pending: %s, or set store.existingClaim" $lacks $remedy) }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
