/**
 * Use. How agents are run on a host: {@link dev.outlast.activities.AgentActivitiesImpl} implements
 * the workflows' port with the agents, accounts and workspaces of one {@link
 * dev.outlast.activities.AgentHost}.
 */
package dev.outlast.activities;
