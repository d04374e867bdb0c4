/**
 * Use. What an application of Temporal adds to run agents: {@link
 * dev.outlast.worker.plugin.OutlastPlugin}, set once on the service stubs or on the client.
 */
package dev.outlast.worker.plugin;
