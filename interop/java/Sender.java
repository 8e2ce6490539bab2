// Java's own HTTP client as a sender. Takes a URL, "h1" or "h2", and the file of an authority, and on standard input a
// request a line: its path, its body in Base64 and its headers' names and values, all between tabs. Sends them all at
// once; prints status and version of each, in their order.
import java.io.BufferedReader;
import java.io.FileInputStream;
import java.io.InputStreamReader;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;

public class Sender {
    public static void main(String[] arguments) throws Exception {
        HttpClient client = HttpClient.newBuilder()
            .version(arguments[1].equals("h2") ? HttpClient.Version.HTTP_2 : HttpClient.Version.HTTP_1_1)
            .connectTimeout(Duration.ofSeconds(20))
            .sslContext(trusting(arguments[2]))
            .build();
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in));
        List<HttpRequest> requests = new ArrayList<>();
        for (String line; (line = lines.readLine()) != null;) {
            String[] parts = line.split("\t", -1);
            HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(arguments[0] + parts[0]))
                .timeout(Duration.ofSeconds(40))
                .POST(HttpRequest.BodyPublishers.ofByteArray(Base64.getDecoder().decode(parts[1])));
            for (int at = 2; at + 1 < parts.length; at += 2) {
                request.header(parts[at], parts[at + 1]);
            }
            requests.add(request.build());
        }
        // The first alone: it makes the connection that the others share.
        List<CompletableFuture<String>> answers = new ArrayList<>();
        for (HttpRequest request : requests) {
            answers.add(client.sendAsync(request, HttpResponse.BodyHandlers.ofString()).handle(Sender::told));
            if (answers.size() == 1) {
                answers.get(0).join();
            }
        }
        for (CompletableFuture<String> answer : answers) {
            System.out.println(answer.join());
        }
        System.exit(0);
    }

    private static String told(HttpResponse<String> response, Throwable error) {
        if (error != null) {
            return error.toString().replaceAll("\\s", "_") + " none";
        }
        return response.statusCode() + " " + (response.version() == HttpClient.Version.HTTP_2 ? "2" : "1.1");
    }

    private static SSLContext trusting(String file) throws Exception {
        KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
        store.load(null, null);
        try (FileInputStream input = new FileInputStream(file)) {
            store.setCertificateEntry("root", CertificateFactory.getInstance("X.509").generateCertificate(input));
        }
        TrustManagerFactory factory = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        factory.init(store);
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(null, factory.getTrustManagers(), null);
        return context;
    }
}
