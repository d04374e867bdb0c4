/**
 * Use. What a worker is configured with: {@link dev.outlast.worker.config.OutlastConfig}, built in
 * Java or read from {@code outlast.toml}. Either way everything is checked at once, and {@link
 * dev.outlast.worker.config.ConfigException} names every problem with its remedy.
 */
package dev.outlast.worker.config;
