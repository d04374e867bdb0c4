/**
 * Extend. What Outlast must know of one kind of agent, and nothing else: {@link
 * dev.outlast.activities.provider.AgentProvider} names it, {@link
 * dev.outlast.activities.provider.AgentDriver} builds the command lines of one configured agent,
 * and {@link dev.outlast.activities.provider.OutputReader} folds its output into facts and a {@link
 * dev.outlast.activities.provider.Conclusion}; {@link dev.outlast.activities.provider.ItemReader}
 * turns it into what people want to see. Starting, watching and ending processes is not a
 * provider's business.
 */
package dev.outlast.activities.provider;
