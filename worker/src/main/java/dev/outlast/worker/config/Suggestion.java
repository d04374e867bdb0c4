package dev.outlast.worker.config;

import java.util.Collection;
import java.util.Comparator;
import java.util.Optional;

/** Finds the word that somebody probably meant. */
public final class Suggestion {

  private static final int MAX_EDITS = 2;

  private Suggestion() {}

  /** {@code (did you mean "x"?)}, or nothing if no word is near. */
  public static String didYouMean(String word, Collection<String> known) {
    Optional<String> nearest =
        known.stream()
            .filter(k -> edits(word, k) <= Math.min(MAX_EDITS, k.length() / 2))
            .min(Comparator.comparingInt(k -> edits(word, k)));
    return nearest.map(n -> " (did you mean \"" + n + "\"?)").orElse("");
  }

  /** The Levenshtein distance, with {@code _} and {@code -} as one letter. */
  private static int edits(String left, String right) {
    String a = left.toLowerCase(java.util.Locale.ROOT).replace('_', '-');
    String b = right.toLowerCase(java.util.Locale.ROOT).replace('_', '-');
    int[] above = new int[b.length() + 1];
    for (int j = 0; j <= b.length(); j++) {
      above[j] = j;
    }
    for (int i = 1; i <= a.length(); i++) {
      int[] row = new int[b.length() + 1];
      row[0] = i;
      for (int j = 1; j <= b.length(); j++) {
        int change = a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1;
        row[j] = Math.min(Math.min(row[j - 1], above[j]) + 1, above[j - 1] + change);
      }
      above = row;
    }
    return above[b.length()];
  }
}
