/**
 * Hands off. The folders that agents work in: which are allowed, how one stands under git and what
 * has changed in it while its agent was away, and the git worktrees that runs have for themselves.
 * A repository's own configuration is written by agents too, so git is run here with everything
 * switched off that would start a program named in it.
 */
package dev.outlast.activities.workspace;
