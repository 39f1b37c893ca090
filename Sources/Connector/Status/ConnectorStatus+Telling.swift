extension ConnectorStatus {
    /// Says how the certificate stands, and what to do when that is the trouble.
    public mutating func tell(_ certificate: Certificate) {
        self.certificate = certificate
        certificateNotAfter = certificate.notAfter
        guard nextAction == nil || certificate.hasEnded, certificate.trouble != nil else { return }
        nextAction =
            certificate.hasEnded
            ? "the certificate has ended; it is recovered by itself when the tenant answers until "
                + "\(certificate.recoveryEnds), after that: postern register --replace with a new invitation"
            : "the certificate is not renewed and ends at \(certificate.notAfter); see 'postern identity history'"
    }
}
