return await Sms.Api.FrontEnd.RunAsync(args);
