{{/* Values with which the pod of the embedded store, or the one after it, would stay Pending, or would share the store. */}}
{{- define "travishook.validateHandover" -}}
{{- if not (include "travishook.external" .) }}
{{- $once := eq .Values.store.accessMode "ReadWriteOncePod" }}
{{- if and $once .Values.store.handover }}
{{- fail "store.accessMode: ReadWriteOncePod lets no second pod start: set store.handover to false" }}
{{- else if and .Values.runtimeClassName (not $once) }}
{{- fail (printf "runtimeClassName: under %s two pods may not see each other's lock of the embedded store: set store.accessMode to ReadWriteOncePod and store.handover to false" .Values.runtimeClassName) }}
{{- end }}
{{- with lookup "v1" "PersistentVolumeClaim" .Release.Namespace (include "travishook.claim" .) }}
{{- if ne $once (has "ReadWriteOncePod" .spec.accessModes) }}
{{- fail (printf "store.accessMode: the claim %s has %s, and a claim cannot change it: set store.accessMode to %s, or use another claim with store.existingClaim" .metadata.name (join ", " .spec.accessModes) (ternary "ReadWriteOnce" "ReadWriteOncePod" $once)) }}
{{- end }}
{{- end }}
{{- if dig "podAffinity" "requiredDuringSchedulingIgnoredDuringExecution" "" .Values.affinity }}
{{- fail "affinity.podAffinity: with the embedded store a pod runs beside the one that it replaces, and the scheduler finds no node for another required term: use nodeAffinity, or preferredDuringSchedulingIgnoredDuringExecution" }}
{{- end }}
{{- if .Values.store.handover }}
{{- range dig "podAntiAffinity" "requiredDuringSchedulingIgnoredDuringExecution" list .Values.affinity }}
{{- if include "travishook.selectsPod" (list $ .) }}
{{- fail "affinity.podAntiAffinity: a required term keeps the next pod of the embedded store away from the one that it replaces: use preferredDuringSchedulingIgnoredDuringExecution, or set store.handover to false" }}
{{- end }}
{{- end }}
{{- range .Values.topologySpreadConstraints }}
{{- if and (eq .whenUnsatisfiable "DoNotSchedule") (include "travishook.selectsPod" (list $ .)) }}
{{- fail "topologySpreadConstraints: DoNotSchedule keeps the next pod of the embedded store away from the one that it replaces: use ScheduleAnyway, or set store.handover to false" }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{/* "true" if a term of an affinity or a spread, the second of the list, counts the pod of the release. */}}
{{- define "travishook.selectsPod" -}}
{{- $root := first . }}
{{- $term := last . }}
{{- $labels := include "travishook.podLabels" $root | fromYaml }}
{{- $selects := and (hasKey $term "labelSelector") (not (has "pod-template-hash" ($term.matchLabelKeys | default list))) }}
{{- if and $term.namespaces (not (has $root.Release.Namespace $term.namespaces)) }}{{ $selects = false }}{{ end }}
{{- $selector := $term.labelSelector | default dict }}
{{- range $key, $value := $selector.matchLabels }}
{{- if ne (get $labels $key) $value }}{{ $selects = false }}{{ end }}
{{- end }}
{{- range $selector.matchExpressions }}
{{- $in := and (hasKey $labels .key) (or (has .operator (list "Exists" "DoesNotExist")) (has (get $labels .key) (.values | default list))) }}
{{- if ne $in (has .operator (list "In" "Exists")) }}{{ $selects = false }}{{ end }}
{{- end }}
{{- if $selects }}true{{ end }}
{{- end }}
