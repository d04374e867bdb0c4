/**
 * Extend. The provider {@code opencode}: OpenCode, by its events in JSON, its log, and what a small
 * plug-in of ours prints of its retries, which nothing else shows.
 */
package dev.outlast.activities.provider.opencode;
