/**
 * Hands off, but for {@link dev.outlast.activities.secret.Redaction} and, for a log of your own,
 * {@link dev.outlast.activities.secret.KnownSecrets}. Takes secrets out of texts that leave the
 * worker: the values that it knows, in each form in which programs print them, and what has the
 * shape of a well-known kind of key.
 */
package dev.outlast.activities.secret;
