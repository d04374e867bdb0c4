/**
 * Extend. The provider {@code gemini}: Gemini CLI, its output and its error reports, the settings
 * that it needs so that a session outlives a wait, and the clock minutes in which a session must
 * not be resumed.
 */
package dev.outlast.activities.provider.gemini;
