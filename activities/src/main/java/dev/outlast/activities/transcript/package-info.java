/**
 * Extend. The full output of sessions, kept outside of workflow history: {@link
 * dev.outlast.activities.transcript.TranscriptStore} is what another place for it has to implement,
 * {@link dev.outlast.activities.transcript.FileTranscripts} keeps it in files of the host, and
 * {@link dev.outlast.activities.transcript.TranscriptRecorder} stands between a call and any of
 * them, so that no trouble of a store ever becomes one of the agent.
 */
package dev.outlast.activities.transcript;
