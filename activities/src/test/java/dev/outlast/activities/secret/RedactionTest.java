package dev.outlast.activities.secret;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class RedactionTest {

  private static final String SECRET = "p4ss/w\"ord+ä\\=9";
  private static final String KEY_FILE =
      "-----BEGIN RSA PRIVATE KEY-----\n"
          + "MIIEowIBAAKCAQEAx1Yp9dF3m4u5v6w7x8y9z0A1B2C3D4E5F6G7H8I9J0K1L2M3\n"
          + "QWxsIHRoaXMgaXMgbm90IGEga2V5IGF0IGFsbCBidXQgaXQgbG9va3MgbGlrZSBp\n"
          + "dHNlbGY9\n"
          + "-----END RSA PRIVATE KEY-----";

  private final Redaction redaction = Redaction.of(Set.of(SECRET, "another-one"));

  /** In pieces, so that no scanner takes these for real ones. */
  private static final List<String> KEYS =
      List.of(
          "sk-" + "proj-Ab3dEf6hIj9lMn2pQr5tUv8xYz1B",
          "sk-" + "ant-api03-Zx9Yw8Vu7Ts6Rq5Po4Nm3Lk2Ji1Hg0-Fe_DcBaAA",
          "sk-" + "or-v1-0123456789abcdef0123456789abcdef",
          "sk_" + "live_4eC39HqLyjWDarjtT1zdp7dc",
          "ghp_" + "16C7e42F292c6912E7710c838347Ae178B4a",
          "gho_" + "16C7e42F292c6912E7710c838347Ae178B4a",
          "github_pat_" + "11ABCDEFG0aBcDeFgHiJkL_mNoPqRsTuVwXyZ0123456789",
          "glpat-" + "aBcD1234eFgH5678iJkL",
          "npm_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8",
          "hf_" + "aBcDeFgHiJkLmNoPqRsTuVwXyZaBcDeFgH",
          "xoxb-" + "123456789012-1234567890123-AbCdEfGhIjKlMnOpQrStUvWx",
          "xoxp-" + "123456789012-abcdef",
          "AIza" + "SyA1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q",
          "AKIA" + "IOSFODNN7EXAMPLE",
          "ASIA" + "IOSFODNNXEXAMPLE",
          "eyJ" + "hbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9P",
          KEY_FILE,
          KEY_FILE.replace("RSA ", ""),
          KEY_FILE.replace("\n", "\\n"),
          KEY_FILE.replace("\n", " "));

  @Test
  void a_known_value_is_found_in_each_form_in_which_programs_print_it()
      throws JsonProcessingException {
    String json = new ObjectMapper().writeValueAsString(SECRET);
    String inJson = new ObjectMapper().writeValueAsString(Map.of("a", json));
    String url = URLEncoder.encode(SECRET, StandardCharsets.UTF_8);
    for (String form : List.of(SECRET, json, inJson, json.replace("/", "\\/"), url)) {
      assertClean("said " + form + " and more", form);
    }
    assertClean("x=" + url.toLowerCase(java.util.Locale.ROOT).replace("%c3%a4", "%c3%a4"), "");
    for (int i = 0; i < 9; i++) {
      String around = "user" + "x".repeat(i) + ":" + SECRET + ":tail";
      byte[] bytes = around.getBytes(StandardCharsets.UTF_8);
      for (Base64.Encoder encoder :
          List.of(
              Base64.getEncoder(), Base64.getUrlEncoder(), Base64.getEncoder().withoutPadding())) {
        String redacted = redaction.redact("Basic " + encoder.encodeToString(bytes));
        assertTrue(redacted.contains("[secret]"), i + ": " + redacted);
      }
    }
  }

  private void assertClean(String text, String form) {
    String redacted = redaction.redact(text);
    assertTrue(redacted.contains("[secret]"), form + " in " + redacted);
    assertFalse(redacted.contains("w\"ord") || redacted.contains("ord+"), redacted);
  }

  @Test
  void a_value_of_many_lines_is_found_whole_by_the_line_and_on_one_line() {
    String value =
        "{\n  \"type\": \"service\",\n  \"private\": \"Zm9vYmFyYmF6cXV4MTIzNDU2\",\n  \"x\": 1\n}\n";
    Redaction lines = Redaction.of(List.of(value));
    for (String said :
        List.of(
            value,
            value.replace("\n", "\\n").replace("\"", "\\\""),
            "  \"private\": \"Zm9vYmFyYmF6cXV4MTIzNDU2\",",
            value.strip().replaceAll("\\s+", " "))) {
      assertFalse(lines.redact(said).contains("Zm9vYmFyYmF6cXV4MTIzNDU2"), said);
    }
  }

  @Test
  void a_known_value_that_a_text_was_cut_within_is_gone() {
    String said = "refused: key another-one";
    for (int end = said.length() - 5; end <= said.length(); end++) {
      assertEquals("refused: key [secret]", redaction.redact(said.substring(0, end)));
    }
  }

  @Test
  void keys_are_known_by_their_shape() {
    for (String key : KEYS) {
      for (String around : List.of("%s", "key=%s.", "\"%s\"", "(%s)", "a %s b", "'%s',")) {
        String text = around.replace("%s", key);
        assertEquals(around.replace("%s", "[secret]"), Redaction.SHAPES_ONLY.redact(text), text);
      }
    }
  }

  @Test
  void credentials_are_known_by_what_stands_before_them() {
    Map<String, String> expected =
        Map.of(
            "Authorization: Bearer abcdefgh12345678",
            "Authorization: Bearer [secret]",
            "authorization: Basic dXNlcjpwYXNz",
            "authorization: Basic [secret]",
            "{\"Authorization\":\"token abcdefgh\"}",
            "{\"Authorization\":\"token [secret]\"}",
            "{\\\"authorization\\\":\\\"Bearer abcdefgh-1234567890\\\"}",
            "{\\\"authorization\\\":\\\"Bearer [secret]\\\"}",
            "curl -H 'bearer Abcdefgh.1234567890='",
            "curl -H 'bearer [secret]'",
            "https://me:pass%20word@example.org/x",
            "https://[secret]@example.org/x",
            "postgresql://app:s3cr3t@db:5432/x?y=z",
            "postgresql://[secret]@db:5432/x?y=z",
            "redis://:topsecret@cache",
            "redis://[secret]@cache");
    expected.forEach((said, safe) -> assertEquals(safe, Redaction.SHAPES_ONLY.redact(said)));
  }

  @Test
  void what_is_only_long_and_looks_random_stays() {
    SplittableRandom random = new SplittableRandom(42);
    byte[] bytes = new byte[48];
    for (int i = 0; i < 2_000; i++) {
      random.nextBytes(bytes);
      StringBuilder hex = new StringBuilder();
      for (byte b : bytes) {
        hex.append(String.format("%02x", b));
      }
      for (String text :
          List.of(
              hex.substring(0, 40),
              hex.substring(0, 64),
              "sha512-" + Base64.getEncoder().encodeToString(bytes),
              new java.util.UUID(random.nextLong(), random.nextLong()).toString())) {
        assertSame(text, Redaction.SHAPES_ONLY.redact(text), "seed 42, case " + i);
      }
    }
    for (String text :
        List.of(
            "ses_e025a88ecffep8LwF1TTpvMEts",
            "01a1fda5-3f99-7063-9c6b-28c39466e1f8",
            "the task-force-of-many-words-and-hyphens-2024",
            "class=\"sk-fading-circle sk-circle-of-many-words-without-end\"",
            "disk-usage-of-the-whole-machine-0123456789",
            "AIzawa is a name; AKIAndother things; GHP_ is short; ghp_short",
            "hf_hub_download(repo_id, filename) and npm_config_registry=x",
            "The Authorization header is missing. Authorization: none",
            "Bearer authentication is required for this-endpoint-of-ours",
            "https://example.org:8080/a@b and git@github.com:me/it.git ssh://git@host/x",
            "http://localhost:3000/@scope/name?x=http://y",
            "echo '-----BEGIN PRIVATE KEY-----' marks the start; nothing follows here",
            "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
            "eyJhbGciOiJIUzI1NiJ9 is the header of a token; data:image/png;base64,iVBORw0KGgo",
            Base64.getEncoder()
                .encodeToString(
                    "quite normal text, as of a mail".getBytes(StandardCharsets.UTF_8)))) {
      String redacted = Redaction.SHAPES_ONLY.redact(text);
      assertEquals(
          text.replace("-----BEGIN PRIVATE KEY-----", "[secret]"), redacted, "no key is in this");
    }
  }

  @Test
  void a_value_is_not_found_in_other_words() {
    for (String text : List.of("", "anothe-", "p4ss", "another on it", "ordinary", "[secret]")) {
      assertEquals(text, redaction.redact(text));
    }
    assertEquals("short ones stay", Redaction.of(List.of("short")).redact("short ones stay"));
  }

  /** Each is a megabyte; a search that looks back or ahead too far would take minutes. */
  @Test
  void hostile_texts_take_no_longer_than_others() {
    Redaction many = Redaction.of(List.of("a".repeat(60) + "b", "ab".repeat(30), KEY_FILE, SECRET));
    List<String> parts =
        List.of(
            "a",
            "ab",
            "sk-",
            "sk-a",
            "-----BEGIN PRIVATE KEY-----",
            "-----BEGIN RSA PRIVATE KEY-----\nMIIE",
            "-----BEGIN ",
            "BEGIN A A A PRIVATE KEY",
            "PRIVATE KEY\\n\\n",
            "://",
            "a://b:",
            "a.b+c-d",
            "x://:::",
            "authorization:",
            "authorization: bearer ",
            "bearer ",
            "Bearer a.",
            "eyJ",
            "eyJaaaaaaaa.",
            "eyJaaaaaaaaaa.eyJ",
            "ghp_",
            "AKIA",
            "github_pat_",
            "xoxb-",
            "\\\\\\\\n",
            " \n\t");
    for (String part : parts) {
      String text = part.repeat(1 + 1_000_000 / part.length());
      assertTimeoutPreemptively(Duration.ofMinutes(1), () -> many.redact(text), part);
      assertTimeoutPreemptively(
          Duration.ofMinutes(1), () -> many.redact(text + "PRIVATE KEY://sk-earer "), part);
    }
  }

  @Test
  void names_tell_which_variables_are_secret() {
    for (String name :
        List.of(
            "ANTHROPIC_API_KEY",
            "APIKEY",
            "apiKey",
            "GITHUB_TOKEN",
            "CLAUDE_CODE_OAUTH_TOKEN",
            "DB_PASSWORD",
            "MYSQL_PASSWD",
            "CLIENT_SECRET_2",
            "GOOGLE_CREDENTIALS",
            "NPM_AUTH",
            "SENTRY_DSN")) {
      assertTrue(SecretNames.soundsSecret(name), name);
    }
    for (String name :
        List.of(
            "PATH",
            "HOME",
            "KEYBOARD_LAYOUT",
            "GIT_AUTHOR_NAME",
            "AUTHOR",
            "MAX_TOKENS",
            "CLAUDE_CODE_MAX_OUTPUT_TOKENS",
            "PWD",
            "OLDPWD",
            "COMPASS")) {
      assertFalse(SecretNames.soundsSecret(name), name);
    }
    assertEquals(
        Set.of("valuable", "ghp_" + "16C7e42F292c6912E7710c838347Ae178B4a"),
        SecretNames.values(
            Map.of(
                "A_KEY",
                "valuable",
                "B_TOKEN",
                "200000",
                "USE_TOKEN",
                "true",
                "SSH_AUTH_SOCK",
                "/",
                "PLAIN",
                "ghp_" + "16C7e42F292c6912E7710c838347Ae178B4a",
                "OTHER",
                "value")));
  }

  @Test
  void it_tells_nothing_of_its_values() {
    assertFalse(redaction.toString().contains("another"));
  }
}
