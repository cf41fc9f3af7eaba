namespace Sms.Api;

/// <summary>One story in requests and replies: Acme texts Ana.</summary>
internal static class OpenApiExamples
{
    public const string CreateBusiness = """{"name": "Acme Plumbing", "timezone": "America/Chicago", "settings": {"segmentsPerSecond": 3, "optOutFooter": "first_message"}}""";

    public const string CreatedBusiness = $$"""
        {"id": "019a7c1e-4b00-7c10-9f3a-5d2b8a6e0c11", "name": "Acme Plumbing", "timezone": "America/Chicago",
         "settings": {{Settings}}, "apiKey": "sms_6f0c2d5e8a1b4c7d9e0f3a6b5c8d7e9f0a1b2c3d4e5f60718293a4b5c6d7e8f9"}
        """;

    public const string ChangeBusiness = """{"settings": {"paused": true}}""";

    public const string Business = $$"""
        {"id": "019a7c1e-4b00-7c10-9f3a-5d2b8a6e0c11", "name": "Acme Plumbing", "timezone": "America/Chicago", "settings": {{Settings}}, "fault": null}
        """;

    public const string CreateCustomer = """
        {"name": "Ana", "phone": "(512) 555-1234", "timezone": "America/Chicago", "postalCode": "78701",
         "smsConsent": {"status": "opted_in", "method": "website_form", "source": "https://acme.example/signup", "at": "2026-11-20T16:05:00Z", "ip": "192.0.2.7"}}
        """;

    public const string Customer = """
        {"id": "019a7c1e-9d20-7a44-8c01-7e4f10b2d9aa", "businessId": "019a7c1e-4b00-7c10-9f3a-5d2b8a6e0c11", "name": "Ana", "phone": "+15125551234",
         "timezone": "America/Chicago", "postalCode": "78701", "state": null,
         "smsConsent": {"status": "opted_in", "method": "website_form", "source": "https://acme.example/signup", "at": "2026-11-20T16:05:00Z", "notes": null, "ip": "192.0.2.7"},
         "createdAt": "2026-11-20T16:05:01.5Z", "updatedAt": "2026-11-20T16:05:01.5Z"}
        """;

    public const string ChangeCustomer = """{"timezone": "America/Denver"}""";

    public const string RecordConsent = """
        {"status": "opted_in", "method": "verbal_in_person", "source": "front desk", "at": "2026-11-21T15:00:00Z",
         "text": "May we text you offers? Up to four a month; reply STOP to end."}
        """;

    public const string SendMessage = """{"to": "+15125551234", "body": "10% off drain cleaning this week.", "category": "marketing", "metadata": {"campaign": "nov"}}""";

    public const string Waiting = """
        {"id": "019a7c20-1f00-7b3c-a2d4-0c9e6f5a4b3d", "businessId": "019a7c1e-4b00-7c10-9f3a-5d2b8a6e0c11", "customerId": "019a7c1e-9d20-7a44-8c01-7e4f10b2d9aa",
         "to": "+15125551234", "body": "10% off drain cleaning this week.", "footer": "\nReply STOP to opt out", "category": "marketing", "status": "pending",
         "encoding": "gsm7", "segments": 1, "attemptCount": 0, "maxAttempts": 3, "attempt": null,
         "retry": {"reason": "quiet_hours", "cause": "quiet_hours", "scheduledFor": "2026-11-22T18:00:00Z", "code": null}, "providerMessageId": null, "error": null,
         "decision": {"timezone": "America/Chicago", "timezoneSource": "customer", "timezones": ["America/Chicago"], "window": ["12:00", "21:00"],
                      "rule": "us_states: 47 CFR 64.1200(c)(1), (e); 16 CFR 310.4(c); Tex. Bus. & Com. Code 301.051(b)(2)", "tzdb": "2026f",
                      "at": "2026-11-22T18:00:00Z", "localTime": "2026-11-22 12:00:00", "localTimes": ["2026-11-22 12:00:00"], "decidedAt": "2026-11-22T04:00:00Z", "reason": "quiet_hours", "quietHours": "too_late", "blockedBy": ["US/1", "US-TX/1"],
                      "policy": "us_states", "jurisdictions": [{"code": "US-TX", "source": "postal_code"}], "rules": ["US/1", "US-TX/1"],
                      "ruleSet": "2026-11-22-7f3c19ab", "blackouts": 0, "openUntil": "2026-11-23T03:00:00Z", "cap": null, "consentId": null, "settingsVersion": 3},
         "metadata": {"campaign": "nov"}, "createdAt": "2026-11-22T04:00:00Z", "updatedAt": "2026-11-22T04:00:00Z", "sentAt": null, "deliveredAt": null}
        """;

    public const string Sent = """
        {"id": "019a7c20-1f00-7b3c-a2d4-0c9e6f5a4b3d", "businessId": "019a7c1e-4b00-7c10-9f3a-5d2b8a6e0c11", "customerId": "019a7c1e-9d20-7a44-8c01-7e4f10b2d9aa",
         "to": "+15125551234", "body": "10% off drain cleaning this week.", "footer": "\nReply STOP to opt out", "category": "marketing", "status": "sent",
         "encoding": "gsm7", "segments": 1, "attemptCount": 1, "maxAttempts": 3, "attempt": null, "retry": null,
         "providerMessageId": {"twilio_sid": "SM0123456789abcdef0123456789abcdef"}, "error": null,
         "decision": {"timezone": "America/Chicago", "timezoneSource": "customer", "timezones": ["America/Chicago"], "window": ["12:00", "21:00"],
                      "rule": "us_states: 47 CFR 64.1200(c)(1), (e); 16 CFR 310.4(c); Tex. Bus. & Com. Code 301.051(b)(2)", "tzdb": "2026f",
                      "at": "2026-11-22T18:00:00Z", "localTime": "2026-11-22 12:00:00", "localTimes": ["2026-11-22 12:00:00"], "decidedAt": "2026-11-22T18:00:00Z", "reason": null, "quietHours": null, "blockedBy": null,
                      "policy": "us_states", "jurisdictions": [{"code": "US-TX", "source": "postal_code"}], "rules": ["US/1", "US-TX/1"],
                      "ruleSet": "2026-11-22-7f3c19ab", "blackouts": 0, "openUntil": "2026-11-23T03:00:00Z", "cap": null, "consentId": "019a7c1e-a0f0-7d31-b2c4-5f6e7d8c9b0a", "settingsVersion": 3},
         "metadata": {"campaign": "nov"}, "createdAt": "2026-11-22T04:00:00Z", "updatedAt": "2026-11-22T18:00:00.4Z", "sentAt": "2026-11-22T18:00:00.4Z", "deliveredAt": null}
        """;

    public const string SendBatch = """
        {"messages": [
          {"to": "+15125551234", "body": "Your technician is on the way.", "category": "transactional", "idempotencyKey": "job-42"},
          {"customerId": "019a7c1e-9d20-7a44-8c01-7e4f10b2d9aa", "body": "Your code is 123456.", "category": "otp"}]}
        """;

    public const string Events = """
        {"data": [
          {"at": "2026-11-22T04:00:00Z", "type": "accepted"},
          {"at": "2026-11-22T04:00:00Z", "type": "deferred", "reason": "quiet_hours", "cause": "quiet_hours", "scheduledFor": "2026-11-22T18:00:00Z"}],
         "nextCursor": null}
        """;

    public const string OptOut = """{"reason": "asked on the phone"}""";

    public const string Segments = """{"body": "Café ☕ at 5?"}""";

    public const string SegmentsReply = """{"encoding": "ucs2", "segments": 1, "characters": 12, "unitsPerSegment": [12], "nonGsm": ["☕"]}""";

    public const string QuietHours = """{"timezone": "America/Chicago", "at": "2026-11-22T04:00:00Z"}""";

    public const string QuietHoursReply = """
        {"canSend": false, "nextSendTime": "2026-11-22T14:00:00Z", "reason": "too_late",
         "decision": {"timezone": "America/Chicago", "timezoneSource": "customer", "timezones": ["America/Chicago"], "window": ["08:00", "21:00"],
                      "rule": "us_states: 47 CFR 64.1200(c)(1), (e); 16 CFR 310.4(c)", "tzdb": "2026f",
                      "at": "2026-11-22T14:00:00Z", "localTime": "2026-11-22 08:00:00", "localTimes": ["2026-11-22 08:00:00"],
                      "decidedAt": "2026-11-22T04:00:00Z", "reason": "quiet_hours", "quietHours": "too_late", "blockedBy": ["US/1"],
                      "policy": "us_states", "jurisdictions": [], "rules": ["US/1"], "ruleSet": "2026-11-22-7f3c19ab", "blackouts": 0,
                      "openUntil": "2026-11-23T03:00:00Z", "cap": null, "consentId": null, "settingsVersion": null,
                      "profile": "strict", "conflict": false, "evidence": null, "consentRule": null},
         "rules": [{"rule": "US/1", "citation": "47 CFR 64.1200(c)(1), (e); 16 CFR 310.4(c)", "canSend": false, "nextSendTime": "2026-11-22T14:00:00Z"}]}
        """;

    public const string QueueStats = """
        {"pending": 1200, "due": 3, "processing": 40, "held": 0, "oldestDueAgeSeconds": 0.4,
         "byReason": {"quiet_hours": 1180, "twilio_error": 12, "rate_limit": 5, "scheduled": 3},
         "unknown": 2, "oldestUnknownAgeSeconds": 12.5, "claimedInVain": 0, "pausedBusinesses": 0}
        """;

    private const string Settings = """
        {"quietHours": {"mon": ["08:00", "21:00"], "tue": ["08:00", "21:00"], "wed": ["08:00", "21:00"], "thu": ["08:00", "21:00"],
                        "fri": ["08:00", "21:00"], "sat": ["08:00", "21:00"], "sun": ["08:00", "21:00"]},
         "quietHoursPolicy": "us_states", "quietHoursProfile": "strict", "segmentsPerSecond": 3, "dailySegmentLimit": null, "monthlyMessageLimit": null, "bodyLimit": 320,
         "requireConsent": true, "optOutFooter": "first_message", "helpText": null, "maxAttempts": 3, "defaultCategory": "marketing",
         "sender": null, "paused": false, "region": "US", "allowedSenders": null, "allowedCountries": ["US", "PR", "GU", "VI", "AS", "MP"],
         "maxSegmentsPerSecond": null, "maxDailySegments": null, "maxMonthlyMessages": null}
        """;
}
