package dev.outlast.activities.secret;

import com.fasterxml.jackson.core.io.JsonStringEncoder;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;

/** Finds known values in a text, in the forms in which programs print them. Immutable. */
final class KnownValues {

  /** A line of a value of many lines is a secret of its own from this length on. */
  static final int MIN_LINE = 16;

  /** A value is looked for in Base64 from this many bytes on. */
  static final int MIN_BASE64 = 8;

  /** By how many characters forms are told apart at first; none is shorter. */
  private static final int KEY = Redaction.MIN_SECRET;

  private static final int BUCKETS = 4096;

  /** The forms by a hash of their first characters, the longest first. */
  private final String[][] buckets = new String[BUCKETS][];

  private final boolean isEmpty;

  private KnownValues(List<String> forms) {
    isEmpty = forms.isEmpty();
    for (String form : forms) {
      int bucket = bucket(form, 0);
      String[] before = buckets[bucket] == null ? new String[0] : buckets[bucket];
      String[] with = Arrays.copyOf(before, before.length + 1);
      with[before.length] = form;
      buckets[bucket] = with;
    }
  }

  static KnownValues of(Collection<String> values) {
    Set<String> plain = new HashSet<>();
    for (String value : values) {
      plain.add(value);
      plain.add(value.strip());
      List<String> lines = value.strip().lines().map(String::strip).toList();
      if (lines.size() > 1) {
        plain.add(String.join("\n", lines));
        // As it is shown where one line is all that there is room for.
        plain.add(String.join(" ", lines));
        lines.stream().filter(line -> line.length() >= MIN_LINE).forEach(plain::add);
      }
    }
    Set<String> forms = new HashSet<>();
    plain.forEach(value -> addForms(value, forms));
    forms.removeIf(form -> form.length() < KEY);
    List<String> longestFirst = new ArrayList<>(forms);
    longestFirst.sort(
        Comparator.comparing(String::length).reversed().thenComparing(Comparator.naturalOrder()));
    return new KnownValues(longestFirst);
  }

  private static void addForms(String value, Set<String> forms) {
    if (value.length() < KEY) {
      return;
    }
    forms.add(value);
    String json = new String(JsonStringEncoder.getInstance().quoteAsString(value));
    forms.add(json);
    forms.add(json.replace("/", "\\/"));
    // JSON that stands in a text of JSON.
    forms.add(new String(JsonStringEncoder.getInstance().quoteAsString(json)));
    String url = URLEncoder.encode(value, StandardCharsets.UTF_8);
    for (String form : List.of(url, url.replace("+", "%20"))) {
      forms.add(form);
      forms.add(lowerCaseEscapes(form));
    }
    byte[] bytes = value.getBytes(StandardCharsets.UTF_8);
    if (bytes.length >= MIN_BASE64) {
      for (int before = 0; before < 3; before++) {
        String base64 = insideBase64(bytes, before);
        forms.add(base64);
        forms.add(base64.replace('+', '-').replace('/', '_'));
      }
    }
  }

  private static String lowerCaseEscapes(String url) {
    StringBuilder lower = new StringBuilder(url);
    for (int i = url.indexOf('%'); i >= 0 && i + 2 < url.length(); i = url.indexOf('%', i + 3)) {
      lower.replace(i + 1, i + 3, url.substring(i + 1, i + 3).toLowerCase(Locale.ROOT));
    }
    return lower.toString();
  }

  /**
   * The characters that the bytes give in Base64, whatever stands around them.
   *
   * @param before by how many bytes they are off a group of three
   */
  private static String insideBase64(byte[] bytes, int before) {
    byte[] shifted = new byte[before + bytes.length];
    System.arraycopy(bytes, 0, shifted, before, bytes.length);
    String all = Base64.getEncoder().withoutPadding().encodeToString(shifted);
    // The first character that has no bit of what is before, and likewise at the end.
    int from = (before * 8 + 5) / 6;
    int to = shifted.length * 8 / 6;
    return all.substring(from, to);
  }

  private static int bucket(String text, int at) {
    int hash = 0;
    for (int i = 0; i < KEY; i++) {
      hash = 31 * hash + text.charAt(at + i);
    }
    return (hash ^ hash >>> 15) & BUCKETS - 1;
  }

  String redact(String text) {
    if (isEmpty) {
      return text;
    }
    StringBuilder redacted = null;
    int kept = 0;
    for (int at = 0; at + KEY <= text.length(); ) {
      int length = found(text, at);
      if (length == 0) {
        at++;
        continue;
      }
      redacted = redacted == null ? new StringBuilder(text.length()) : redacted;
      redacted.append(text, kept, at).append(Redaction.MARK);
      at += length;
      kept = at;
    }
    return redacted == null ? text : redacted.append(text, kept, text.length()).toString();
  }

  /**
   * The length of the longest form that stands here, or of the rest of the text if a form begins
   * here and the text was cut within it; 0 if there is none.
   */
  private int found(String text, int at) {
    String[] candidates = buckets[bucket(text, at)];
    if (candidates != null) {
      for (String form : candidates) {
        int length = Math.min(form.length(), text.length() - at);
        if (text.regionMatches(at, form, 0, length)) {
          return length;
        }
      }
    }
    return 0;
  }
}
