{{/* Labels by which the Service, the budget and the policy find the pods: fixed, a Deployment cannot change them. */}}
{{- define "selectorLabels" -}}
app.kubernetes.io/name: redis-ip-updater
app.kubernetes.io/component: webhook
{{- end }}

{{/* Labels of every object. None says "Helm": install.yaml is made of the same templates. */}}
{{- define "labels" -}}
{{ include "selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
{{- with .Values.labels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "metadata" -}}
name: redis-ip-updater-webhook
namespace: {{ .Release.Namespace }}
labels:
  {{- include "labels" . | nindent 2 }}
{{- end }}

{{- define "clusterMetadata" -}}
name: redis-ip-updater-webhook
labels:
  {{- include "labels" . | nindent 2 }}
{{- end }}

{{/* The reference of an image: (list $ .Values.image.webhook) */}}
{{- define "image" -}}
{{- $root := index . 0 }}{{ $image := index . 1 -}}
{{- with $root.Values.image.registry }}{{ . }}/{{ end }}{{ $image.name }}
{{- if $image.digest }}@{{ $image.digest }}{{ else }}:{{ $image.tag | default $root.Chart.AppVersion }}{{ end }}
{{- end }}

{{/* Settings of a container that Pod Security Standards call restricted. */}}
{{- define "containerSecurityContext" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}

{{/* The user is the image's too. */}}
{{- define "podSecurityContext" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
seccompProfile:
  type: RuntimeDefault
{{- end }}
