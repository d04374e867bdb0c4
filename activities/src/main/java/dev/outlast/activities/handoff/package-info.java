/**
 * Hands off. What a fresh session is told of the one before it: {@link
 * dev.outlast.activities.handoff.SessionReport} makes it from the transcript of that session and
 * from how its workspace stands, within fixed bounds, as a record that quotes and never as
 * instructions.
 */
package dev.outlast.activities.handoff;
