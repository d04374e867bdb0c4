/** Extend. The provider {@code copilot}: GitHub Copilot CLI, by its events in JSON. */
package dev.outlast.activities.provider.copilot;
