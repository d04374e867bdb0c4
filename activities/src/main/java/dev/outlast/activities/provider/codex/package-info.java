/**
 * Extend. The provider {@code codex}: OpenAI's Codex CLI in its unattended form, {@code codex
 * exec}.
 */
package dev.outlast.activities.provider.codex;
