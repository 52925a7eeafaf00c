{{/* The operator's pod, for the Deployment. */}}
{{- define "travishook.pod" -}}
{{- include "travishook.validate" . }}
{{- include "travishook.validateHandover" . }}
metadata:
  labels:
    {{- include "travishook.podLabels" . | nindent 4 }}
  annotations:
    # Changed settings restart the operator.
    checksum/settings: {{ include "travishook.settings" . | sha256sum }}
    {{- with .Values.podAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  serviceAccountName: {{ include "travishook.serviceAccount" . }}
  {{- with .Values.imagePullSecrets }}
  imagePullSecrets:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
  {{- with .Values.runtimeClassName }}
  runtimeClassName: {{ . }}
  {{- end }}
  # Requests and attempts in progress are finished first.
  terminationGracePeriodSeconds: {{ include "travishook.stopSeconds" . }}
  securityContext:
    runAsNonRoot: true
    runAsUser: 65532
    runAsGroup: 65532
    fsGroup: 65532
    fsGroupChangePolicy: OnRootMismatch
    seccompProfile:
      type: RuntimeDefault
  containers:
  - name: travishook
    image: {{ include "travishook.image" . }}
    imagePullPolicy: {{ .Values.image.pullPolicy }}
    args:
    - --settings=/etc/travishook/settings.yaml
    env:
    - name: POD_NAMESPACE
      valueFrom:
        fieldRef:
          fieldPath: metadata.namespace
    # Events about the store name the pod.
    - name: POD_NAME
      valueFrom:
        fieldRef:
          fieldPath: metadata.name
    - name: POD_UID
      valueFrom:
        fieldRef:
          fieldPath: metadata.uid
    {{- with include "travishook.goMemoryLimit" . }}
    # 90 % of the memory limit. The store's memory limit is derived from it.
    - name: GOMEMLIMIT
      value: {{ . | quote }}
    {{- end }}
    {{- with .Values.extraEnv }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
    {{- with .Values.envFrom }}
    envFrom:
    {{- toYaml . | nindent 4 }}
    {{- end }}
    ports:
    - name: {{ include "travishook.scheme" . }}
      containerPort: 8080
    {{- if .Values.api.enabled }}
    - name: api
      containerPort: 8443
    {{- end }}
    - name: probes
      containerPort: 8081
    - name: metrics
      containerPort: 9090
    # A large store takes long to read; killing the pod meanwhile would only start over.
    startupProbe:
      httpGet:
        path: /healthz
        port: probes
      periodSeconds: 1
      failureThreshold: 600
    livenessProbe:
      httpGet:
        path: /healthz
        port: probes
      periodSeconds: 10
      failureThreshold: 6
    readinessProbe:
      httpGet:
        path: /readyz
        port: probes
      # This limits how long the cluster takes to notice that the operator is ready.
      periodSeconds: 1
      {{- if include "travishook.external" . }}
      failureThreshold: 3
      {{- else }}
      # No other pod can take the webhooks while the store is unavailable for a moment.
      failureThreshold: 10
      {{- end }}
    # The last lines of the log are the pod's status if it fails, in kubectl describe pod.
    terminationMessagePolicy: FallbackToLogsOnError
    securityContext:
      allowPrivilegeEscalation: false
      readOnlyRootFilesystem: true
      capabilities:
        drop: [ALL]
    resources:
      {{- toYaml .Values.resources | nindent 6 }}
    volumeMounts:
    - name: settings
      mountPath: /etc/travishook
      readOnly: true
    {{- if not (include "travishook.external" .) }}
    - name: store
      mountPath: /var/lib/travishook
    {{- end }}
    {{- if .Values.receiver.tls.secretName }}
    - name: receiver
      mountPath: {{ include "travishook.receiverFolder" . }}
      readOnly: true
    {{- end }}
    {{- if include "travishook.natsVolume" . }}
    - name: nats
      mountPath: {{ include "travishook.natsFolder" . }}
      readOnly: true
    {{- end }}
    {{- if include "travishook.authoritiesVolume" . }}
    - name: authorities
      mountPath: {{ include "travishook.authoritiesFolder" . }}
      readOnly: true
    {{- end }}
    {{- with .Values.extraVolumeMounts }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  volumes:
  - name: settings
    configMap:
      name: {{ include "travishook.fullname" . }}
  {{- with .Values.receiver.tls.secretName }}
  - name: receiver
    secret:
      secretName: {{ . }}
      defaultMode: 0440
      items: [{key: tls.crt, path: tls.crt}, {key: tls.key, path: tls.key}]
  {{- end }}
  {{- with include "travishook.natsVolume" . }}
  {{- . | nindent 2 }}
  {{- end }}
  {{- with include "travishook.authoritiesVolume" . }}
  {{- . | nindent 2 }}
  {{- end }}
  {{- if not (include "travishook.external" .) }}
  - name: store
    persistentVolumeClaim:
      claimName: {{ include "travishook.claim" . }}
  {{- end }}
  {{- with .Values.extraVolumes }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
  {{- with .Values.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with include "travishook.affinity" . }}
  affinity:
    {{- . | nindent 4 }}
  {{- end }}
  {{- if .Values.topologySpreadConstraints }}
  topologySpreadConstraints:
    {{- toYaml .Values.topologySpreadConstraints | nindent 4 }}
  {{- else if include "travishook.external" . }}
  # The loss of a node should not affect all replicas.
  topologySpreadConstraints:
  - maxSkew: 1
    topologyKey: kubernetes.io/hostname
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- include "travishook.selector" . | nindent 8 }}
    matchLabelKeys: [pod-template-hash]
  {{- end }}
{{- end }}

{{- define "travishook.podLabels" -}}
{{ include "travishook.selector" . }}
travishook.dev/store: {{ ternary "external" "embedded" (not (empty (include "travishook.external" .))) }}
{{- with merge (dict) .Values.podLabels .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* With the embedded store, a pod runs where another one still does: two pods on two nodes must not have the volume, and
the lock of the store is a node's. Without another pod, any node will do. */}}
{{- define "travishook.affinity" -}}
{{- $affinity := deepCopy .Values.affinity }}
{{- if not (include "travishook.external" .) }}
{{- $labels := include "travishook.selector" . | fromYaml }}
{{- $_ := set $labels "travishook.dev/store" "embedded" }}
{{- $term := dict "topologyKey" "kubernetes.io/hostname" "labelSelector" (dict "matchLabels" $labels) }}
{{- $pods := $affinity.podAffinity | default dict }}
{{- $_ := set $pods "requiredDuringSchedulingIgnoredDuringExecution" (list $term) }}
{{- $_ := set $affinity "podAffinity" $pods }}
{{- end }}
{{- with $affinity }}{{ toYaml . }}{{ end }}
{{- end }}

{{/* The Secrets that the pod mounts, without duplicates. */}}
{{- define "travishook.mountedSecrets" -}}
{{- $names := list }}
{{- range list .Values.receiver.tls .Values.trustBundle .Values.store.external.credentials .Values.store.external.ca .Values.store.external.tls }}
{{- with .secretName }}{{ $names = append $names . }}{{ end }}
{{- end }}
{{- $names | uniq | toYaml }}
{{- end }}
